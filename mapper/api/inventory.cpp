#include "mapper/api/inventory.hpp"

#include "common/core/percent.hpp"
#include "mapper/api/answer.hpp"

namespace mapper::api {

namespace {
std::string path_of(std::string_view id) { return "/inventory/managedObjects/" + core::percent_encode(id); }
} // namespace

platform::call create_managed_object(std::string body) {
    platform::call made("POST", "/inventory/managedObjects", "inventory_create");
    made.content_type = made.accept = "managedObject";
    made.body = std::move(body);
    return made;
}

platform::call get_managed_object(std::string_view id) {
    platform::call made("GET", path_of(id), "inventory_get");
    made.accept = "managedObject";
    return made;
}

platform::call update_managed_object(std::string_view id, std::string body) {
    platform::call made("PUT", path_of(id), "inventory_update");
    made.content_type = "managedObject";
    made.body = std::move(body);
    return made;
}

platform::call delete_managed_object(std::string_view id) { return {"DELETE", path_of(id), "inventory_delete"}; }

platform::call list_devices(std::string_view type, unsigned page, unsigned page_size) {
    auto query = type.empty() ? std::string("fragmentType=c8y_IsDevice") : "type=" + core::percent_encode(type);
    query += "&currentPage=" + std::to_string(page) + "&pageSize=" + std::to_string(page_size) + "&withChildren=false";
    platform::call made("GET", "/inventory/managedObjects?" + query, "inventory_list");
    made.accept = "managedObjectCollection";
    return made;
}

std::string id_of(std::string_view body) { return text_at(body, "/id"); }

} // namespace mapper::api
