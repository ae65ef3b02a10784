// MQTT topic <-> store topic: the one place that knows (design §3).
//   isolation `tenant`   a topic is the store topic of the same name, for all clients of the tenant
//   isolation `device`   every PUBLISH and will goes to `from-device`, its MQTT topic inside the record; a client's
//                        filters find what applications published to `to-device` for it or for everybody (ref A.11)
//   `$debug/$error`      is each client's own topic with either isolation (ref A.9)
#pragma once

#include "common/auth/tenant_options.hpp"
#include "common/record/device_topics.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace broker::relay {

inline constexpr std::string_view name_space = "mqtt";

struct publish_route {
    std::string_view store_topic;
    std::optional<std::string_view> record_topic; ///< where the store topic does not tell
};

constexpr publish_route route_publish(auth::isolation isolation, std::string_view mqtt_topic) noexcept {
    if (isolation == auth::isolation::device) return {record::from_device, mqtt_topic};
    return {mqtt_topic, std::nullopt};
}

/// How many store filters one MQTT filter needs.
constexpr std::uint8_t filter_parts(auth::isolation isolation, std::string_view filter) noexcept {
    return isolation == auth::isolation::device && filter != record::error_topic ? 2 : 1;
}

/// Writes the store filter number `part` of an MQTT filter into `out`, replacing what it holds.
inline void route_filter(auth::isolation isolation, std::string_view client_id, std::string_view filter,
                         std::uint8_t part, std::string& out) {
    out.clear();
    if (filter == record::error_topic)
        record::append_error_topic(out, client_id);
    else if (isolation == auth::isolation::device)
        record::append_to_device(out, part == 0 ? client_id : std::string_view{}, filter);
    else
        out.append(filter);
}

/// The MQTT topic of a delivery. What a record says of itself is information only: an application chooses the topic by
/// where it publishes (ref B.1.5), so it cannot speak under another name.
inline std::string_view mqtt_topic(std::string_view store_name) noexcept { return record::mqtt_topic_of(store_name); }

} // namespace broker::relay
