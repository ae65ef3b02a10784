// MQTT topic filters: v5 §4.7, v3.1.1 §4.7. Pure functions over texts that were validated where they came in.
#pragma once

#include <string_view>

namespace record {

bool has_wildcard(std::string_view filter) noexcept;

/// `+` is one level, `#` the rest (also none); neither matches a first level that begins with `$`
/// (v5 [MQTT-4.7.2-1]). Bytes are compared as they are: no case folding, no normalisation (v5 [MQTT-4.7.3-4]).
bool filter_matches(std::string_view filter, std::string_view topic) noexcept;

} // namespace record
