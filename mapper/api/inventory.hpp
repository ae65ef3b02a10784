// Managed objects (ref D.2). Calls, pure.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

/// 201 with the object, whose ID is `id_of(body)`.
platform::call create_managed_object(std::string body);
platform::call get_managed_object(std::string_view id);
/// Merges top-level fragments.
platform::call update_managed_object(std::string_view id, std::string body);
platform::call delete_managed_object(std::string_view id);
/// Devices of a type, or all when it is empty; `page` from 1, at most `page_size` objects in `managedObjects`.
platform::call list_devices(std::string_view type, unsigned page, unsigned page_size);
std::string id_of(std::string_view body);

} // namespace mapper::api
