// Small text forms of the platform: ISO times, lists, wildcards. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace platform_sim::model {

std::vector<std::string_view> split(std::string_view text, char at);
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
std::string upper(std::string_view text);

/// `2026-02-03T10:15:30.123+01:00`; fractions, seconds, the zone (then UTC) and the whole time are optional: ref D.1.
std::optional<std::int64_t> parse_time(std::string_view text);

/// `*` in `pattern` stands for any text.
bool wildcard_match(std::string_view pattern, std::string_view text);

} // namespace platform_sim::model
