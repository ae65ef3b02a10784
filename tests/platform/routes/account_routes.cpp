// Who am I: user, tenant and application of the caller (ref E.4, E.7).
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

/// Of those who may do everything.
constexpr std::string_view known_roles[] = {"ROLE_ALARM_ADMIN",
                                            "ROLE_ALARM_READ",
                                            "ROLE_AUDIT_READ",
                                            "ROLE_DEVICE_CONTROL_ADMIN",
                                            "ROLE_DEVICE_CONTROL_READ",
                                            "ROLE_EVENT_ADMIN",
                                            "ROLE_EVENT_READ",
                                            "ROLE_IDENTITY_ADMIN",
                                            "ROLE_IDENTITY_READ",
                                            "ROLE_INVENTORY_ADMIN",
                                            "ROLE_INVENTORY_CREATE",
                                            "ROLE_INVENTORY_READ",
                                            "ROLE_MEASUREMENT_ADMIN",
                                            "ROLE_MEASUREMENT_READ",
                                            "ROLE_NOTIFICATION_2_ADMIN",
                                            "ROLE_OPTION_MANAGEMENT_ADMIN",
                                            "ROLE_OPTION_MANAGEMENT_READ",
                                            "ROLE_TENANT_ADMIN",
                                            "ROLE_TENANT_MANAGEMENT_ADMIN",
                                            "ROLE_TENANT_MANAGEMENT_READ",
                                            "ROLE_USER_MANAGEMENT_ADMIN",
                                            "ROLE_USER_MANAGEMENT_READ"};

json::object role(const call& c, std::string_view name) {
    json::object made;
    made["id"] = text(name);
    made["name"] = text(name);
    made["self"] = c.base + "/user/roles/" + std::string(name);
    return made;
}

http_response current_user(call& c) {
    json::array roles;
    if (c.who.all_roles)
        for (const auto name : known_roles) roles.push_back(role(c, name));
    else
        for (const auto& name : c.who.roles) roles.push_back(role(c, name));
    json::object answer;
    answer["id"] = c.who.name;
    answer["userName"] = c.who.name;
    answer["self"] = c.base + "/user/" + c.of.name + "/users/" + c.who.name;
    answer["enabled"] = true;
    answer["effectiveRoles"] = std::move(roles);
    return ok(c, "currentUser", model::json_text(answer));
}

http_response current_tenant(call& c) {
    json::object answer;
    answer["name"] = c.of.name;
    answer["domainName"] = c.http.headers.get("Host").empty() ? "localhost" : text(c.http.headers.get("Host"));
    answer["allowCreateTenants"] = false;
    answer["customProperties"] = json::object();
    return ok(c, "currentTenant", model::json_text(answer));
}

http_response current_application(call& c) {
    json::object answer;
    answer["id"] = "1";
    answer["name"] = "mqtt-mapper";
    answer["key"] = "mqtt-mapper-application-key";
    answer["type"] = "MICROSERVICE";
    answer["self"] = c.base + "/application/applications/1";
    answer["requiredRoles"] = json::array();
    return ok(c, "application", model::json_text(answer));
}

/// The service user of each tenant; a tenant without one offers its administrator.
http_response subscriptions(call& c) {
    std::map<std::string, const model::account*> users;
    for (const auto& [key, one] : c.all.accounts.all()) {
        const bool service = one.name.starts_with("service_");
        if (service || (one.name == "admin" && !users.contains(one.tenant))) users[one.tenant] = &one;
    }
    json::array items;
    for (const auto& [tenant, one] : users) {
        json::object item;
        item["tenant"] = tenant;
        item["name"] = one->name;
        item["password"] = one->password;
        items.push_back(std::move(item));
    }
    json::object answer;
    answer["self"] = c.base + "/application/currentApplication/subscriptions";
    answer["users"] = std::move(items);
    return ok(c, "applicationUserCollection", model::json_text(answer));
}

http_response settings(call& c) { return ok(c, "option", "{}"); }

} // namespace

std::span<const route> account_routes() {
    static const std::vector<route> all{
        {"GET", "/user/currentUser", current_user, {}},
        {"GET", "/tenant/currentTenant", current_tenant, {}},
        {"GET", "/application/currentApplication", current_application, {}},
        // Passwords of other users: only for those who may do everything anyway.
        {"GET", "/application/currentApplication/subscriptions", subscriptions, {"ROLE_APPLICATION_MANAGEMENT_READ"}},
        {"GET", "/application/currentApplication/settings", settings, {}},
    };
    return all;
}

} // namespace platform_sim::routes
