// Alarms (ref D.5): raised with de-duplication by the platform; cleared by finding the active one first. Calls, pure.
#pragma once

#include "common/platform/rest.hpp"

#include <vector>

namespace mapper::api {

/// `body`: a JSON object without `source`. 201, also when the platform only counted it.
platform::call create_alarm(std::string_view body, std::string_view source_id);
/// ACTIVE and ACKNOWLEDGED alarms of the type; their IDs are `alarm_ids(body)`.
platform::call find_alarms(std::string_view source_id, std::string_view type);
platform::call clear_alarm(std::string_view id);
std::vector<std::string> alarm_ids(std::string_view body);

} // namespace mapper::api
