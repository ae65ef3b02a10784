// Bodies of type multipart/form-data (RFC 7578), as file uploads come.
#pragma once

#include "common/net/http.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace platform_sim::routes {

struct form_part {
    std::string name;
    std::string_view body; ///< within the request's body
};

bool is_multipart(const net::http_request& request);
/// Nothing for a body that its boundary does not divide properly, or a part without a name.
std::optional<std::vector<form_part>> read_multipart(const net::http_request& request);
/// Null when there is no such part.
const form_part* find_part(const std::vector<form_part>& parts, std::string_view name);

} // namespace platform_sim::routes
