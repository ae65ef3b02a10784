// How a device comes to credentials over REST (ref F.1): an operator registers its ID, the device asks with the
// bootstrap user until the operator has accepted it.
#include "common/core/clock.hpp"
#include "common/net/encoding.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

using model::registration;

json::object document(const call& c, const registration& of) {
    json::object made;
    made["id"] = of.id;
    made["status"] = text(model::name_of(of.status));
    made["owner"] = of.owner;
    made["tenantId"] = of.tenant;
    made["creationTime"] = core::iso_time(of.created_ms);
    if (!of.type.empty()) made["type"] = of.type;
    if (!of.group.empty()) made["groupId"] = of.group;
    made["self"] = c.base + "/devicecontrol/newDeviceRequests/" + net::percent_encode(of.id);
    return made;
}

http_response unknown(const std::string& id) {
    return not_found("devicecontrol", "There is no new device request for id '" + id + "'");
}

/// Null when this tenant has none for that ID.
registration* find_own(const call& c) {
    auto* found = c.all.registrations.find(c.captured[0]);
    return found != nullptr && found->tenant == c.of.name ? found : nullptr;
}

std::optional<std::string> token_of(const json::object& body) {
    const auto token = model::text_member(body, "securityToken");
    return token.empty() ? std::nullopt : std::optional<std::string>(token);
}

http_response create(call& c) {
    http_response no;
    const auto body = read_body(c, "devicecontrol", no);
    if (!body) return no;
    registration made;
    made.id = model::text_member(*body, "id");
    if (made.id.empty()) return refuse(model::missing("id"));
    if (!model::valid_device_id(made.id))
        return refuse(model::invalid("id has a blank, a control character or one of / \\ : + $"));
    made.tenant = c.of.name;
    made.owner = c.who.name;
    made.type = model::text_member(*body, "type");
    made.group = model::text_member(*body, "groupId");
    made.created_ms = c.now_ms();
    if (!c.all.registrations.add(made))
        return refuse({422, "devicecontrol/Non Unique Result", "Device '" + made.id + "' is registered already"});
    const json::object answer = document(c, made);
    return created(c, "newDeviceRequest", std::string(model::text_member(answer, "self")), answer);
}

http_response list(call& c) {
    std::vector<const registration*> found;
    for (const auto& [id, one] : c.all.registrations.all())
        if (one.tenant == c.of.name) found.push_back(&one);
    return paged(c, "newDeviceRequestCollection", "newDeviceRequests", found,
                 [&](std::string& out, const registration* of) { model::append_json(out, document(c, *of)); });
}

http_response get(call& c) {
    const auto* found = find_own(c);
    if (found == nullptr) return unknown(c.captured[0]);
    return ok(c, "newDeviceRequest", model::json_text(document(c, *found)));
}

/// The status alone can be changed, and to ACCEPTED alone.
http_response update(call& c) {
    auto* found = find_own(c);
    if (found == nullptr) return unknown(c.captured[0]);
    http_response no;
    const auto body = read_body(c, "devicecontrol", no);
    if (!body) return no;
    const auto status = model::text_member(*body, "status");
    if (status.empty()) return refuse(model::missing("status"));
    if (status != "ACCEPTED") return refuse(model::invalid("status can only be set to ACCEPTED"));
    if (const auto why = model::accept(*found, token_of(*body)); !why.empty())
        return refuse(model::invalid(std::string(why)));
    return updated(c, "newDeviceRequest", document(c, *found));
}

http_response remove(call& c) {
    if (find_own(c) == nullptr) return unknown(c.captured[0]);
    c.all.registrations.remove(c.captured[0]);
    return no_content();
}

/// Given once; the request is done then. The body comes without Accept too: there is no other way to the password.
http_response credentials(call& c) {
    http_response no;
    const auto body = read_body(c, "devicecontrol", no);
    if (!body) return no;
    const std::string id(model::text_member(*body, "id"));
    if (id.empty()) return refuse(model::missing("id"));
    auto* found = c.all.registrations.find(id);
    if (found == nullptr || !model::device_connects(*found, token_of(*body))) return unknown(id);
    const std::string tenant = found->tenant;
    const std::string password = model::new_password();
    (void)c.all.accounts.put(tenant, "device_" + id, password);
    c.all.registrations.remove(id);
    json::object answer;
    answer["id"] = id;
    answer["tenantId"] = tenant;
    answer["username"] = "device_" + id;
    answer["password"] = password;
    answer["self"] = c.base + "/devicecontrol/deviceCredentials/" + net::percent_encode(id);
    return ok(c, "deviceCredentials", model::json_text(answer));
}

} // namespace

std::span<const route> registration_routes() {
    static const std::vector<route> all{
        {"POST", "/devicecontrol/newDeviceRequests", create, {"ROLE_DEVICE_CONTROL_ADMIN"}},
        {"GET", "/devicecontrol/newDeviceRequests", list, {"ROLE_DEVICE_CONTROL_READ"}},
        {"GET", "/devicecontrol/newDeviceRequests/{id}", get, {"ROLE_DEVICE_CONTROL_READ"}},
        {"PUT", "/devicecontrol/newDeviceRequests/{id}", update, {"ROLE_DEVICE_CONTROL_ADMIN"}},
        {"DELETE", "/devicecontrol/newDeviceRequests/{id}", remove, {"ROLE_USER_MANAGEMENT_ADMIN"}},
        {"POST", "/devicecontrol/deviceCredentials", credentials, {"ROLE_DEVICE_BOOTSTRAP"}},
    };
    return all;
}

} // namespace platform_sim::routes
