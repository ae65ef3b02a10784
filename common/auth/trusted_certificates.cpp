#include "common/auth/trusted_certificates.hpp"

#include "common/core/base64.hpp"
#include "common/net/encoding.hpp"

#include <simdjson.h>

#include <algorithm>
#include <iterator>

namespace auth {
namespace {

/// With or without its header lines, with or without line feeds (ref F.3).
core::result<certificate> read_pem(std::string_view text) {
    if (text.find("-----BEGIN") != std::string_view::npos) {
        auto found = certificate::from_pem(text);
        if (!found) return found.error();
        if (found->size() != 1) return errc::bad_certificate;
        return std::move(found->front());
    }
    std::string bare(text);
    std::erase_if(bare, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
    const auto der = core::base64_decode(bare);
    if (!der) return errc::bad_certificate;
    return certificate::from_der(*der);
}

/// Leaves `into` as it is when the member is missing or of another kind.
template <typename T> void read_optional(simdjson::dom::element entry, std::string_view name, T& into) {
    T found{};
    if (entry[name].get(found) == simdjson::SUCCESS) into = found;
}

core::result<trust_anchor> read_anchor(simdjson::dom::element entry) {
    std::string_view pem;
    std::string_view status;
    std::string_view name;
    bool auto_registration = false;
    bool proven = false;
    if (entry["certInPemFormat"].get(pem) != simdjson::SUCCESS) return errc::bad_answer;
    if (entry["status"].get(status) != simdjson::SUCCESS) return errc::bad_answer;
    read_optional(entry, "name", name);
    read_optional(entry, "autoRegistrationEnabled", auto_registration);
    read_optional(entry, "proofOfPossessionValid", proven); // older platforms do not say
    auto authority = read_pem(pem);
    if (!authority) return authority.error();
    return trust_anchor{
        std::string(name), std::move(*authority), status == "ENABLED", auto_registration, {}, {}, proven};
}

std::string problem_of(std::string_view what, const platform::reply& got) {
    return std::string(what) + ": " + (got.ok() ? make_error_code(errc::bad_answer).message() : got.problem.text());
}

asio::awaitable<void> fetch_anchors(platform::rest& over, core::tenant_id tenant, fetched_trust& into) {
    const std::string base = "/tenant/tenants/" + net::percent_encode(tenant.value) +
                             "/trusted-certificates?pageSize=" + std::to_string(trusted_certificates_page) +
                             "&currentPage=";
    for (std::size_t page = 1; page <= trusted_certificates_pages_max; ++page) {
        platform::call what("GET", base + std::to_string(page), "trustedCertificates");
        what.accept = "json";
        auto got = co_await over.send(std::move(what));
        auto read = got.ok() ? read_trusted_certificates(got.body) : core::result<certificate_page>(errc::unavailable);
        if (!read) {
            into.problem = problem_of("trusted certificates", got);
            co_return;
        }
        std::move(read->anchors.begin(), read->anchors.end(), std::back_inserter(into.anchors));
        std::move(read->unreadable.begin(), read->unreadable.end(), std::back_inserter(into.unreadable));
        if (read->entries < trusted_certificates_page) co_return;
    }
}

asio::awaitable<void> fetch_revoked(platform::rest& over, fetched_trust& into) {
    platform::call option("GET", "/tenant/options/configuration/crl.offline.check.enabled", "crlOption");
    option.accept = "json";
    auto got = co_await over.send(std::move(option));
    if (got.status == 404 || (got.ok() && !read_option_flag(got.body))) co_return;
    if (!got.ok()) {
        into.problem = problem_of("option crl.offline.check.enabled", got);
        co_return;
    }
    platform::call list("GET", "/tenant/trusted-certificates/settings/crl", "crl");
    got = co_await over.send(std::move(list));
    if (got.status == 404) co_return; // switched on, nothing uploaded yet
    if (!got.ok() || !into.revoked.add_crl(got.body, revocation_scope::tenant))
        into.problem = problem_of("revocation list", got);
}

} // namespace

core::result<certificate_page> read_trusted_certificates(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::array entries;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return errc::bad_answer;
    if (root["certificates"].get(entries) != simdjson::SUCCESS) return errc::bad_answer;
    certificate_page page;
    for (const auto entry : entries) {
        ++page.entries;
        auto anchor = read_anchor(entry);
        if (anchor) {
            page.anchors.push_back(std::move(*anchor));
            continue;
        }
        std::string_view fingerprint = "without a fingerprint";
        read_optional(entry, "fingerprint", fingerprint);
        page.unreadable.push_back(std::string(fingerprint) + ": " + anchor.error().message());
    }
    return page;
}

bool read_option_flag(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view value;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return false;
    if (root["value"].get(value) == simdjson::SUCCESS) return value == "true";
    bool flag = false;
    return root["value"].get(flag) == simdjson::SUCCESS && flag;
}

asio::awaitable<fetched_trust> fetch_trust(platform::rest& over, core::tenant_id tenant) {
    fetched_trust made;
    co_await fetch_anchors(over, std::move(tenant), made);
    if (!made.problem) co_await fetch_revoked(over, made);
    co_return made;
}

} // namespace auth
