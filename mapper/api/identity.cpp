#include "mapper/api/identity.hpp"

#include "common/core/json_writer.hpp"
#include "common/core/percent.hpp"
#include "mapper/api/answer.hpp"

namespace mapper::api {

platform::call find_external_id(std::string_view type, std::string_view external_id) {
    std::string path = "/identity/externalIds/";
    core::append_percent_encoded(path, type);
    path.push_back('/');
    core::append_percent_encoded(path, external_id);
    platform::call made("GET", std::move(path), "identity_get");
    made.accept = "externalId";
    return made;
}

platform::call bind_external_id(std::string_view managed_object, std::string_view type, std::string_view external_id) {
    std::string path = "/identity/globalIds/";
    core::append_percent_encoded(path, managed_object);
    platform::call made("POST", path + "/externalIds", "identity_bind");
    made.content_type = "externalId";
    core::json_writer body;
    body.object().member("type", type).member("externalId", external_id).end();
    made.body = std::move(body).text();
    return made;
}

platform::call list_external_ids(std::string_view managed_object) {
    std::string path = "/identity/globalIds/";
    core::append_percent_encoded(path, managed_object);
    platform::call made("GET", path + "/externalIds", "identity_list");
    made.accept = "externalIdCollection";
    return made;
}

std::string managed_object_of(std::string_view body) { return text_at(body, "/managedObject/id"); }

} // namespace mapper::api
