// External IDs (ref D.3): who is the device that calls itself so? Calls and answers, pure.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

/// 200: the managed object's ID is `managed_object_of(body)`; 404: unknown.
platform::call find_external_id(std::string_view type, std::string_view external_id);
/// 201; 409: bound already, perhaps by another instance.
platform::call bind_external_id(std::string_view managed_object, std::string_view type, std::string_view external_id);
/// 200: `{"externalIds":[{"type":…,"externalId":…}]}`.
platform::call list_external_ids(std::string_view managed_object);
std::string managed_object_of(std::string_view body);

} // namespace mapper::api
