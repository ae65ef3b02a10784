// Trusted certificates of a tenant (ref F.3). Proof of possession and the tenant's own authority are not served.
#include "common/core/clock.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

using model::trusted_certificate;

std::string path_of(const std::string& tenant) { return "/tenant/tenants/" + tenant + "/trusted-certificates"; }

json::object document(const call& c, const trusted_certificate& of) {
    json::object made;
    made["self"] = c.base + path_of(of.tenant) + "/" + of.x509.fingerprint();
    made["fingerprint"] = of.x509.fingerprint();
    made["name"] = of.name;
    made["status"] = of.enabled ? "ENABLED" : "DISABLED";
    made["autoRegistrationEnabled"] = of.auto_registration;
    made["tenantCertificateAuthority"] = false;
    made["algorithmName"] = of.x509.algorithm();
    made["issuer"] = of.x509.issuer();
    made["subject"] = of.x509.subject();
    made["serialNumber"] = of.x509.serial_decimal();
    made["version"] = of.x509.version();
    made["notBefore"] = core::iso_time(of.x509.not_before_ms());
    made["notAfter"] = core::iso_time(of.x509.not_after_ms());
    made["certInPemFormat"] = of.x509.pem_body();
    return made;
}

/// The tenant of the path must be the caller's; single certificates are open to the management tenant too.
std::optional<http_response> check_tenant(const call& c, bool management_may) {
    const auto& tenant = c.captured[0];
    if (tenant == c.of.name) return std::nullopt;
    if (!c.all.knows_tenant(tenant)) return not_found("tenant", "No tenant '" + tenant + "'");
    if (management_may && c.who.is_management()) return std::nullopt;
    return forbidden();
}

http_response unknown(const call& c) {
    return not_found("certificate", "No trusted certificate '" + c.captured[1] + "' in tenant '" + c.captured[0] + "'");
}

/// What may be changed later: name, status, autoRegistrationEnabled.
std::optional<refusal> read_settings(const json::object& body, trusted_certificate& into) {
    if (const json::value* given = body.if_contains("name")) {
        if (!given->is_string()) return model::invalid("name is no text");
        into.name = model::text_member(body, "name");
    }
    if (body.contains("status")) {
        const auto given = model::text_member(body, "status");
        if (given != "ENABLED" && given != "DISABLED") return model::invalid("status is neither ENABLED nor DISABLED");
        into.enabled = given == "ENABLED";
    }
    if (const json::value* given = body.if_contains("autoRegistrationEnabled")) {
        if (!given->is_bool()) return model::invalid("autoRegistrationEnabled is neither true nor false");
        into.auto_registration = given->get_bool();
    }
    return std::nullopt;
}

/// Upload conditions: X.509 v3, `CA:true`, not expired, in no tenant yet.
std::optional<refusal> read_certificate(const call& c, const json::object& body,
                                        std::vector<trusted_certificate>& into) {
    const auto pem = model::text_member(body, "certInPemFormat");
    if (pem.empty()) return model::missing("certInPemFormat");
    if (!body.contains("status")) return model::missing("status");
    auto read = model::certificate::from_text(pem);
    if (!read) return model::invalid("certInPemFormat is not one X.509 certificate in PEM format");
    if (read->version() != 3) return model::invalid("The certificate is not of version 3");
    if (!read->has_authority_flag()) return model::invalid("The certificate is not a CA certificate");
    if (read->not_after_ms() < c.now_ms()) return model::invalid("The certificate is expired");
    bool known = c.all.trust.contains(read->fingerprint());
    for (const auto& other : into) known = known || other.x509 == *read;
    if (known)
        return refusal{409, "certificate/Duplicate",
                       "A certificate with fingerprint " + read->fingerprint() + " already exists"};
    trusted_certificate made{c.captured[0], std::move(*read), {}};
    if (auto no = read_settings(body, made)) return no;
    into.push_back(std::move(made));
    return std::nullopt;
}

http_response create(call& c) {
    if (auto no = check_tenant(c, false)) return std::move(*no);
    http_response no;
    const auto body = read_body(c, "certificate", no);
    if (!body) return no;
    std::vector<trusted_certificate> made;
    if (const auto wrong = read_certificate(c, *body, made)) return refuse(*wrong);
    const json::object answer = document(c, made.front());
    (void)c.all.trust.add(std::move(made.front()));
    return plain_json(created(c, "certificate", std::string(model::text_member(answer, "self")), answer));
}

/// All or none.
http_response create_many(call& c) {
    if (auto no = check_tenant(c, false)) return std::move(*no);
    http_response no;
    const auto body = read_body(c, "certificate", no);
    if (!body) return no;
    const json::value* given = body->if_contains("certificates");
    if (given == nullptr || !given->is_array() || given->get_array().empty())
        return refuse(model::missing("certificates"));
    std::vector<trusted_certificate> made;
    for (const auto& one : given->get_array()) {
        if (!one.is_object()) return refuse(model::invalid("certificates has something that is no object"));
        if (const auto wrong = read_certificate(c, one.get_object(), made)) return refuse(*wrong);
    }
    json::array items;
    for (auto& one : made) {
        items.push_back(document(c, one));
        (void)c.all.trust.add(std::move(one));
    }
    json::object answer;
    answer["self"] = c.base + path_of(c.captured[0]);
    answer["certificates"] = std::move(items);
    return plain_json(created(c, "certificateCollection", c.base + path_of(c.captured[0]), answer));
}

http_response list(call& c) {
    if (auto no = check_tenant(c, false)) return std::move(*no);
    auto found = c.all.trust.of(c.captured[0]);
    if (flag_parameter(c.http, "certificateAuthority")) found.clear(); // there is no built-in authority here
    return plain_json(
        paged(c, "certificateCollection", "certificates", found,
              [&](std::string& out, const trusted_certificate* of) { model::append_json(out, document(c, *of)); }));
}

http_response get(call& c) {
    if (auto no = check_tenant(c, true)) return std::move(*no);
    const auto* found = c.all.trust.find(c.captured[0], c.captured[1]);
    if (found == nullptr) return unknown(c);
    return plain_json(ok(c, "certificate", model::json_text(document(c, *found))));
}

/// Read-only members may be sent along, as clients do that change what they read; they do not count.
http_response update(call& c) {
    if (auto no = check_tenant(c, true)) return std::move(*no);
    auto* found = c.all.trust.find(c.captured[0], c.captured[1]);
    if (found == nullptr) return unknown(c);
    http_response no;
    const auto body = read_body(c, "certificate", no);
    if (!body) return no;
    trusted_certificate changed = *found;
    if (const auto wrong = read_settings(*body, changed)) return refuse(*wrong);
    *found = std::move(changed);
    return plain_json(updated(c, "certificate", document(c, *found)));
}

http_response remove(call& c) {
    if (auto no = check_tenant(c, true)) return std::move(*no);
    if (!c.all.trust.remove(c.captured[0], c.captured[1])) return unknown(c);
    return no_content();
}

} // namespace

std::span<const route> certificate_routes() {
    const std::vector<std::string_view> writes{"ROLE_TENANT_MANAGEMENT_ADMIN", "ROLE_TENANT_ADMIN"};
    const std::vector<std::string_view> reads{"ROLE_TENANT_MANAGEMENT_ADMIN", "ROLE_TENANT_ADMIN",
                                              "ROLE_TENANT_MANAGEMENT_READ"};
    static const std::vector<route> all{
        {"POST", "/tenant/tenants/{tenantId}/trusted-certificates", create, writes},
        {"GET", "/tenant/tenants/{tenantId}/trusted-certificates", list, reads},
        {"POST", "/tenant/tenants/{tenantId}/trusted-certificates/bulk", create_many, writes},
        {"GET", "/tenant/tenants/{tenantId}/trusted-certificates/{fingerprint}", get, reads},
        {"PUT", "/tenant/tenants/{tenantId}/trusted-certificates/{fingerprint}", update, writes},
        {"DELETE", "/tenant/tenants/{tenantId}/trusted-certificates/{fingerprint}", remove, writes},
    };
    return all;
}

} // namespace platform_sim::routes
