// The alarms of ref A.12 that the broker raises, and the JSON in which they and the errors of clients travel through
// messaging. Pure.
#pragma once

#include "broker/session/actions.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace broker::tenant {

enum class alarm : std::uint8_t {
    none,
    packet_bytes_connect,
    packet_bytes_publish,
    packet_bytes_subscribe,
    packet_bytes_unsubscribe,
    connections,
    connect_rate,
    publish_rate,
    delivery_rate,
};
inline constexpr std::size_t alarm_count = static_cast<std::size_t>(alarm::delivery_rate) + 1;

/// `c8y_MqttService_…`
std::string_view type_of(alarm what) noexcept;
/// The alarm that a refusal is worth, or none.
alarm alarm_of(session::cause why, mqtt::packet_type packet) noexcept;

/// `{"type":…,"severity":"MAJOR","text":…,"time":…}`; `unsaid`: how often it was held back since the last one.
std::string alarm_json(alarm what, std::uint64_t unsaid, std::int64_t now_ms);
/// What stands in `$debug/$error` (ref A.9). Long topics and texts are cut.
std::string error_json(const session::refusal& what, std::string_view client_id, std::int64_t now_ms);

} // namespace broker::tenant
