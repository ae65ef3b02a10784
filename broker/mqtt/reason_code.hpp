// Reason codes of MQTT 5.0 (section 2.4) and the CONNACK return codes of 3.1 and 3.1.1, with the mapping between them.
// Inside the broker every refusal is a `reason_code`; only the encoder of a 3.x CONNACK or SUBACK narrows it.
#pragma once

#include "common/core/error.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace broker::mqtt {

/// MQTT 5.0 section 2.4. Values are on the wire: never renumber.
enum class reason_code : std::uint8_t {
    success = 0x00,
    normal_disconnection = 0x00,
    granted_qos_0 = 0x00,
    granted_qos_1 = 0x01,
    granted_qos_2 = 0x02,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    reauthenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_username_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    shared_subscriptions_not_supported = 0x9E,
    connection_rate_exceeded = 0x9F,
    maximum_connect_time = 0xA0,
    subscription_identifiers_not_supported = 0xA1,
    wildcard_subscriptions_not_supported = 0xA2,
};

/// CONNACK return codes of MQTT 3.1 and 3.1.1 (3.1.1 table 3.1). Values are on the wire: never renumber.
enum class return_code : std::uint8_t {
    accepted = 0,
    unacceptable_protocol_version = 1,
    identifier_rejected = 2,
    server_unavailable = 3,
    bad_username_or_password = 4,
    not_authorized = 5,
};

/// 0x80 and above are failures (MQTT 5.0 section 2.4).
constexpr bool is_failure(reason_code code) noexcept { return static_cast<std::uint8_t>(code) >= 0x80; }

/// One sentence that helps the person at the client's end.
std::string_view describe(reason_code code) noexcept;

/// The CONNACK return code that says the same to a 3.x client; wrong credentials are 5, as the MQTT Service documents.
return_code to_return_code(reason_code code) noexcept;

/// The reason codes as an error category, for results that travel as `core::error_code`.
const boost::system::error_category& reason_category() noexcept;
core::error_code make_error_code(reason_code code) noexcept;

} // namespace broker::mqtt

template <> struct boost::system::is_error_code_enum<broker::mqtt::reason_code> : std::true_type {};
