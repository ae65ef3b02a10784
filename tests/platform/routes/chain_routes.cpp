// A device's chain checked by the platform (ref F.4), and the offline revocation list it is held against (ref F.5).
#include "common/core/clock.hpp"
#include "tests/platform/model/text.hpp"
#include "tests/platform/routes/call.hpp"
#include "tests/platform/routes/multipart.hpp"

#include <algorithm>

namespace platform_sim::routes {

namespace {

using model::certificate;

constexpr std::size_t header_chain_max = 5;
constexpr std::size_t file_chain_max = 10;
constexpr std::size_t file_rows_max = 5000;

refusal unparsable(std::string why) { return {400, "certificate/Bad Request", std::move(why)}; }

struct chain_request {
    std::string tenant; ///< empty: to be found out
    std::vector<certificate> chain;
};

/// A file counts before the header.
std::optional<refusal> read_file(const http_request& http, chain_request& into) {
    const auto parts = read_multipart(http);
    if (!parts) return unparsable("The body is not multipart/form-data");
    if (const auto* tenant = find_part(*parts, "tenantId")) into.tenant = tenant->body;
    const auto* file = find_part(*parts, "file");
    if (file == nullptr) return std::nullopt;
    auto chain = certificate::chain_from_pem(file->body);
    if (!chain) return unparsable("The file is no chain of certificates in PEM format");
    if (chain->size() > file_chain_max) return unparsable("The chain has more than 10 certificates");
    into.chain = std::move(*chain);
    return std::nullopt;
}

std::optional<refusal> read_header(const http_request& http, chain_request& into) {
    const auto given = http.headers.get("X-Cumulocity-Client-Cert-Chain");
    if (given.empty()) return unparsable("There is no certificate chain");
    const auto items = model::split(given, ',');
    if (items.size() > header_chain_max) return unparsable("The chain has more than 5 certificates");
    for (const auto item : items) {
        auto one = certificate::from_text(item);
        if (!one) return unparsable("The header X-Cumulocity-Client-Cert-Chain is no chain of certificates");
        into.chain.push_back(std::move(*one));
    }
    return std::nullopt;
}

std::optional<refusal> read_chain(const http_request& http, chain_request& into) {
    if (is_multipart(http))
        if (auto no = read_file(http, into)) return no;
    if (into.tenant.empty()) into.tenant = http.headers.get("X-Cumulocity-TenantId");
    return into.chain.empty() ? read_header(http, into) : std::nullopt;
}

bool any_revoked(const model::tenant& of, const std::vector<certificate>& chain) {
    const auto* enabled = of.options.find("configuration", "crl.offline.check.enabled");
    if (enabled == nullptr || *enabled != "true") return false;
    for (const auto& one : chain)
        if (of.revoked.holds(one.serial_hex())) return true;
    return false;
}

/// Service users may ask for every tenant, others with the role for their own, the management tenant for all.
http_response verify(call& c) {
    const bool has_role = c.who.has("ROLE_TENANT_MANAGEMENT_ADMIN") || c.who.has("ROLE_TENANT_MANAGEMENT_READ");
    if (!has_role && !c.who.is_service()) return forbidden();
    chain_request asked;
    if (const auto no = read_chain(c.http, asked)) return refuse(*no);
    if (!asked.tenant.empty() && !c.all.knows_tenant(asked.tenant))
        return not_found("tenant", "No tenant '" + asked.tenant + "'");
    if (asked.tenant.empty()) asked.tenant = c.all.trust.tenant_of(asked.chain);
    const auto unauthorized = [](std::string why) { return refuse({401, "security/Unauthorized", std::move(why)}); };
    if (asked.tenant.empty()) return unauthorized("No tenant trusts the chain");
    if (!c.who.is_service() && !c.who.is_management() && asked.tenant != c.of.name) return forbidden();
    if (any_revoked(c.all.tenant(asked.tenant), asked.chain)) return unauthorized("A certificate is revoked");
    if (auto why = c.all.trust.verify(asked.tenant, asked.chain, c.now_ms() / 1000); !why.empty())
        return unauthorized("The certificate chain is not valid: " + why);
    json::object answer;
    answer["successfullyValidated"] = true;
    answer["tenantId"] = asked.tenant;
    return plain_json(ok(c, "certificate", model::json_text(answer)));
}

struct revocation {
    std::string serial;
    std::int64_t since_ms = 0;
};

/// `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'` and nothing else.
std::optional<std::int64_t> strict_time(std::string_view text) {
    const auto read = model::parse_time(text);
    return read && core::iso_time(*read) == text ? read : std::nullopt;
}

std::optional<refusal> read_revocation(const call& c, std::string_view serial, std::string_view date,
                                       revocation& into) {
    auto normal = model::normal_serial(serial);
    if (!normal) return model::invalid("'" + std::string(serial) + "' is no serial number in hexadecimal digits");
    into.serial = std::move(*normal);
    into.since_ms = c.now_ms();
    if (date.empty()) return std::nullopt;
    const auto since = strict_time(date);
    if (!since) return unparsable("Unsupported date time format: '" + std::string(date) + "'");
    into.since_ms = *since;
    return std::nullopt;
}

/// Missing and future dates become now.
std::optional<refusal> read_entries(const call& c, std::vector<revocation>& into) {
    const auto body = model::parse_object(c.http.body);
    if (!body) return unparsable("The body is not a valid JSON object");
    const json::value* given = body->if_contains("crls");
    if (given == nullptr || !given->is_array()) return model::missing("crls");
    for (const auto& one : given->get_array()) {
        if (!one.is_object()) return model::invalid("crls has something that is no object");
        const auto& entry = one.get_object();
        const json::value* date = entry.if_contains("revocationDate");
        if (date != nullptr && !date->is_string()) return unparsable("revocationDate is no text");
        revocation read;
        if (auto wrong = read_revocation(c, model::text_member(entry, "serialNumberInHex"),
                                         model::text_member(entry, "revocationDate"), read))
            return wrong;
        read.since_ms = std::min(read.since_ms, c.now_ms());
        into.push_back(std::move(read));
    }
    return std::nullopt;
}

std::string_view cell(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

/// `SERIAL NO.,REVOCATION DATE` and at most 5000 rows; rows with a future date are passed over.
std::optional<refusal> read_rows(const call& c, std::vector<revocation>& into) {
    const auto parts = read_multipart(c.http);
    const auto* file = parts ? find_part(*parts, "file") : nullptr;
    if (file == nullptr) return unparsable("There is no file");
    auto lines = model::split(file->body, '\n');
    while (!lines.empty() && cell(lines.back()).empty()) lines.pop_back();
    if (lines.empty() || !model::equal_ignoring_case(cell(model::split(lines.front(), ',').front()), "SERIAL NO."))
        return unparsable("The file has no line of column names");
    if (lines.size() - 1 > file_rows_max) return model::invalid("The file has more than 5000 entries");
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const auto cells = model::split(lines[i], ',');
        revocation read;
        if (auto wrong = read_revocation(c, cell(cells[0]), cells.size() > 1 ? cell(cells[1]) : "", read)) return wrong;
        if (read.since_ms <= c.now_ms()) into.push_back(std::move(read));
    }
    return std::nullopt;
}

http_response put_list(call& c) {
    const bool from_file = is_multipart(c.http);
    std::vector<revocation> read;
    if (const auto no = from_file ? read_rows(c, read) : read_entries(c, read)) return refuse(*no);
    for (const auto& one : read) c.of.revoked.add(one.serial, one.since_ms, from_file);
    return no_content();
}

http_response get_list(call& c) {
    std::string der = c.all.revocations.sign(c.of.name, c.of.revoked, c.now_ms());
    if (der.empty()) return refuse({500, "general/internalError", "The revocation list cannot be signed"});
    return http_response(200, "application/pkix-crl", std::move(der));
}

} // namespace

std::span<const route> chain_routes() {
    static const std::vector<route> all{
        {"POST", "/tenant/trusted-certificates/verify-cert-chain", verify, {}},
        {"PUT",
         "/tenant/trusted-certificates/settings/crl",
         put_list,
         {"ROLE_TENANT_MANAGEMENT_ADMIN", "ROLE_TENANT_ADMIN"}},
        {"GET", "/tenant/trusted-certificates/settings/crl", get_list, {}},
    };
    return all;
}

} // namespace platform_sim::routes
