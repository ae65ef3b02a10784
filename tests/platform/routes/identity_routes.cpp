// Identity (ref D.3): external IDs bound to managed objects.
#include "common/net/encoding.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

using model::external_id;

std::string self_of(const call& c, const external_id& name) {
    return c.base + "/identity/externalIds/" + net::percent_encode(name.type) + "/" + net::percent_encode(name.value);
}

json::object document(const call& c, const external_id& name, std::uint64_t object) {
    json::object made;
    made["type"] = name.type;
    made["externalId"] = name.value;
    made["managedObject"] = reference(c, object, false);
    made["self"] = self_of(c, name);
    return made;
}

http_response unknown(const std::string& id) { return not_found("identity", "Global ID '" + id + "' does not exist"); }

http_response bind(call& c) {
    const auto* object = c.of.objects.find(model::parse_id(c.captured[0]));
    if (object == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(object)) return forbidden();
    http_response no;
    const auto body = read_body(c, "identity", no);
    if (!body) return no;
    const external_id name{std::string(model::text_member(*body, "type")),
                           std::string(model::text_member(*body, "externalId"))};
    if (name.type.empty()) return refuse(model::missing("type"));
    if (name.value.empty()) return refuse(model::missing("externalId"));
    if (!c.of.objects.bind(name, object->id))
        return refuse({409, "identity/Duplicate", "External ID already exists: " + name.type + " " + name.value});
    return created(c, "externalId", self_of(c, name), document(c, name, object->id));
}

http_response list(call& c) {
    const auto* object = c.of.objects.find(model::parse_id(c.captured[0]));
    if (object == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(object)) return forbidden();
    json::array items;
    for (const auto& name : c.of.objects.names_of(object->id)) items.push_back(document(c, name, object->id));
    json::object answer;
    answer["externalIds"] = std::move(items);
    answer["self"] = c.base + "/identity/globalIds/" + c.captured[0] + "/externalIds";
    return ok(c, "externalIdCollection", model::json_text(answer));
}

http_response unbound(const external_id& name) {
    return not_found("identity", "External ID not found; type='" + name.type + "', id='" + name.value + "'");
}

http_response get(call& c) {
    const external_id name{c.captured[0], c.captured[1]};
    const auto object = c.of.objects.resolve(name);
    if (object == 0) return unbound(name);
    return ok(c, "externalId", model::json_text(document(c, name, object)));
}

http_response unbind(call& c) {
    const external_id name{c.captured[0], c.captured[1]};
    const auto object = c.of.objects.resolve(name);
    if (object == 0) return unbound(name);
    if (!c.may_touch(object)) return forbidden();
    (void)c.of.objects.unbind(name);
    return no_content();
}

} // namespace

std::span<const route> identity_routes() {
    static const std::vector<route> all{
        {"POST", "/identity/globalIds/{id}/externalIds", bind, {"ROLE_IDENTITY_ADMIN"}, true},
        {"GET", "/identity/globalIds/{id}/externalIds", list, {"ROLE_IDENTITY_READ"}, true},
        {"GET", "/identity/externalIds/{type}/{externalId}", get, {"ROLE_IDENTITY_READ"}},
        {"DELETE", "/identity/externalIds/{type}/{externalId}", unbind, {"ROLE_IDENTITY_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
