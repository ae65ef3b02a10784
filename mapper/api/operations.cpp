#include "mapper/api/operations.hpp"

#include "common/core/percent.hpp"

namespace mapper::api {

platform::call get_operation(std::string_view id) {
    platform::call made("GET", "/devicecontrol/operations/" + core::percent_encode(id), "operation_get");
    made.accept = "operation";
    return made;
}

platform::call update_operation(std::string_view id, std::string body) {
    platform::call made("PUT", "/devicecontrol/operations/" + core::percent_encode(id), "operation_update");
    made.content_type = "operation";
    made.body = std::move(body);
    return made;
}

platform::call list_operations(std::string_view status, std::string_view fragment, unsigned page, unsigned page_size) {
    std::string path = "/devicecontrol/operations?status=" + core::percent_encode(status);
    if (!fragment.empty()) path += "&fragmentType=" + core::percent_encode(fragment);
    path += "&currentPage=" + std::to_string(page) + "&pageSize=" + std::to_string(page_size);
    platform::call made("GET", std::move(path), "operation_list");
    made.accept = "operationCollection";
    return made;
}

} // namespace mapper::api
