// Why something was refused or a client was sent away: finer than a reason code, because one code (0x97) stands for
// many limits. Names the metric's label and the error in `$debug/$error`. Pure.
#pragma once

#include "broker/mqtt/reason_code.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace broker::session {

enum class cause : std::uint8_t {
    none,
    // Wrong, or not offered here.
    unspecified,
    malformed_packet,
    protocol_error,
    protocol_version,
    client_id,
    credentials,
    not_authorized,
    authentication_method,
    topic_name,
    topic_filter,
    topic_alias,
    payload_format,
    retain,
    qos,
    shared_subscription,
    subscription_identifier,
    wildcard,
    keep_alive,
    unavailable,
    busy,
    // Limits (ref A.10).
    packet_bytes,
    topic_bytes,
    subscriptions,
    receive_maximum,
    connections,
    connect_rate,
    publish_rate,
    publish_rate_per_client,
    delivery_rate,
    throughput,
    topic_creation_rate,
    open_topics,
    publishes_waiting,
    topics,
    topic_backlog,
    tenant_backlog,
    disk_full,
    quota,
    too_slow,
    packet_time,
};
inline constexpr std::size_t cause_count = static_cast<std::size_t>(cause::packet_time) + 1;

/// The label `reason` of `mqtt_refused_total`.
std::string_view label_of(cause why) noexcept;
/// The error's name in `$debug/$error`, behind `mqtt-service/`.
std::string_view error_of(cause why) noexcept;
/// A sentence about a limit; empty for the others.
std::string_view describe(cause why) noexcept;
/// What the code alone tells.
cause cause_of(mqtt::reason_code code) noexcept;
/// Limits that drop a 3.x client without CONNACK (ref A.4).
constexpr bool drops_silently(cause why) noexcept { return why == cause::connections || why == cause::connect_rate; }

} // namespace broker::session
