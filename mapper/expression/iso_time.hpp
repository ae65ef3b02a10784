// Times as JSONata's $toMillis reads them and as the platform takes them (ref D.1): ISO 8601. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mapper::expression {

/// Unix milliseconds of an ISO 8601 date or date-time; without zone it is UTC.
std::optional<std::int64_t> parse_iso_time(std::string_view text) noexcept;
/// True when the platform accepts it as it stands: date, time and zone are all there.
bool complete_iso_time(std::string_view text) noexcept;

} // namespace mapper::expression
