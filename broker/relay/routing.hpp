// MQTT topic <-> store topic: the one place that knows (design §3). With isolation `tenant` they are the same name in
// the namespace `mqtt`; isolation `device` will join here.
#pragma once

#include <string_view>

namespace broker::relay {

inline constexpr std::string_view name_space = "mqtt";

/// The store topic of an MQTT topic or filter.
constexpr std::string_view store_topic(std::string_view mqtt_topic) noexcept { return mqtt_topic; }

/// The MQTT topic of a delivery. What a record says of itself is information only: an application chooses the topic by
/// where it publishes (ref B.1.5), so it cannot speak under another name.
constexpr std::string_view mqtt_topic(std::string_view store_name) noexcept { return store_name; }

} // namespace broker::relay
