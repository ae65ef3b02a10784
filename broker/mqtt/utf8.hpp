// UTF-8 as MQTT requires it: well formed (RFC 3629), no surrogates, no U+0000.
// [MQTT311-1.5.3-1] [MQTT311-1.5.3-2] [MQTT5-1.5.4-1] [MQTT5-1.5.4-2]; U+FEFF is kept like any character (-3).
#pragma once

#include <string_view>

namespace broker::mqtt {

/// True for a legal MQTT string. Runs of ASCII are checked eight bytes at a time.
bool is_mqtt_string(std::string_view text) noexcept;

/// True for well-formed UTF-8 where U+0000 is allowed: a payload announced with Payload Format Indicator 1.
bool is_utf8(std::string_view text) noexcept;

} // namespace broker::mqtt
