// Feature toggles (ref A.4, F.7): read by every user, switched by a tenant's administrator or by the management tenant.
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

using model::feature;

http_response unknown(const call& c) { return not_found("features", "No feature toggle '" + c.captured[0] + "'"); }

json::object document(const call& c, const feature& of) {
    json::object made;
    made["key"] = text(of.key);
    made["phase"] = text(of.phase);
    made["active"] = c.all.features.active(of, c.of.name);
    made["strategy"] = c.all.features.overridden(of, c.of.name) ? "TENANT" : "DEFAULT";
    return made;
}

http_response array_answer(const json::array& items) {
    std::string out;
    model::append_json(out, items);
    return http_response(200, "application/json", std::move(out));
}

http_response list(call& c) {
    json::array items;
    for (const auto& one : model::known_features) items.push_back(document(c, one));
    return array_answer(items);
}

http_response get(call& c) {
    const auto* found = model::feature_book::find(c.captured[0]);
    if (found == nullptr) return unknown(c);
    return plain_json(ok(c, "feature", model::json_text(document(c, *found))));
}

http_response list_tenants(call& c) {
    if (!c.who.is_management()) return forbidden();
    const auto* found = model::feature_book::find(c.captured[0]);
    if (found == nullptr) return unknown(c);
    json::array items;
    for (const auto& [tenant, active] : c.all.features.all(*found)) {
        json::object item;
        item["tenantId"] = tenant;
        item["active"] = active;
        items.push_back(std::move(item));
    }
    return array_answer(items);
}

http_response set_for(call& c, const std::string& tenant) {
    const auto* found = model::feature_book::find(c.captured[0]);
    if (found == nullptr) return unknown(c);
    http_response no;
    const auto body = read_body(c, "features", no);
    if (!body) return no;
    const json::value* active = body->if_contains("active");
    if (active == nullptr || !active->is_bool()) return refuse(model::missing("active"));
    c.all.features.set(*found, tenant, active->get_bool());
    return http_response(200);
}

http_response unset_for(call& c, const std::string& tenant) {
    const auto* found = model::feature_book::find(c.captured[0]);
    if (found == nullptr) return unknown(c);
    c.all.features.unset(*found, tenant);
    return http_response(200);
}

/// Both known toggles are in a phase in which tenants switch themselves.
http_response set_own(call& c) { return set_for(c, c.of.name); }
http_response unset_own(call& c) { return unset_for(c, c.of.name); }

http_response set_given(call& c) {
    if (!c.who.is_management()) return forbidden();
    if (!c.all.knows_tenant(c.captured[1])) return not_found("tenant", "No tenant '" + c.captured[1] + "'");
    return set_for(c, c.captured[1]);
}

http_response unset_given(call& c) {
    if (!c.who.is_management()) return forbidden();
    if (!c.all.knows_tenant(c.captured[1])) return not_found("tenant", "No tenant '" + c.captured[1] + "'");
    return unset_for(c, c.captured[1]);
}

} // namespace

std::span<const route> feature_routes() {
    const std::vector<std::string_view> admin{"ROLE_TENANT_MANAGEMENT_ADMIN"};
    static const std::vector<route> all{
        {"GET", "/features", list, {}},
        {"GET", "/features/{key}", get, {}},
        {"GET", "/features/{key}/by-tenant", list_tenants, admin},
        {"PUT", "/features/{key}/by-tenant", set_own, admin},
        {"DELETE", "/features/{key}/by-tenant", unset_own, admin},
        {"PUT", "/features/{key}/by-tenant/{tenantId}", set_given, admin},
        {"DELETE", "/features/{key}/by-tenant/{tenantId}", unset_given, admin},
    };
    return all;
}

} // namespace platform_sim::routes
