// Operations (ref D.7). Calls, pure.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

platform::call get_operation(std::string_view id);
/// `body`: status, perhaps failureReason and result fragments.
platform::call update_operation(std::string_view id, std::string body);
/// By status and, unless empty, fragment; ascending by ID, in `operations`.
platform::call list_operations(std::string_view status, std::string_view fragment, unsigned page, unsigned page_size);

} // namespace mapper::api
