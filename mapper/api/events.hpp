// Events (ref D.6). Calls, pure.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

/// `body`: a JSON object without `source`. 201.
platform::call create_event(std::string_view body, std::string_view source_id);

} // namespace mapper::api
