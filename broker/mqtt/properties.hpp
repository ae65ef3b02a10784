// The property table of MQTT 5.0 (section 2.2.2.2): which property may stand in which packet, its type, and whether it
// may be repeated. `parse_properties` validates a whole block and hands each property to the caller.
#pragma once

#include "broker/mqtt/packet.hpp"
#include "common/core/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace broker::mqtt {

/// Values are on the wire: never renumber.
enum class property_id : std::uint8_t {
    payload_format_indicator = 0x01,
    message_expiry_interval = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0B,
    session_expiry_interval = 0x11,
    assigned_client_identifier = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay_interval = 0x18,
    request_response_information = 0x19,
    response_information = 0x1A,
    server_reference = 0x1C,
    reason_string = 0x1F,
    receive_maximum = 0x21,
    topic_alias_maximum = 0x22,
    topic_alias = 0x23,
    maximum_qos = 0x24,
    retain_available = 0x25,
    user_property = 0x26,
    maximum_packet_size = 0x27,
    wildcard_subscription_available = 0x28,
    subscription_identifier_available = 0x29,
    shared_subscription_available = 0x2A,
};

/// Where a block stands: the packet, or the will inside CONNECT (bit 0, which no packet type uses).
inline constexpr packet_type will_properties = packet_type::none;

/// One property. `number` holds integers, `text` strings and binary data, `text` and `value` a string pair.
struct property {
    property_id id{};
    std::uint32_t number = 0;
    std::string_view text;
    std::string_view value;
    /// Identifier and value as they stand on the wire.
    std::string_view wire;
};

/// True for the properties a message carries end to end: 0x01, 0x03, 0x08, 0x09, 0x26.
constexpr bool passes_through(property_id id) noexcept {
    constexpr std::uint64_t set = 1ULL << 0x01 | 1ULL << 0x03 | 1ULL << 0x08 | 1ULL << 0x09 | 1ULL << 0x26;
    return static_cast<unsigned>(id) < 64 && (set >> static_cast<unsigned>(id) & 1) != 0;
}

/// Reads one property after the other from a block without its length. After a failed `next`, `error()` tells whether
/// the block ended (success) or what is wrong with it. Checks place, type, repetition, strings and flag values.
class property_reader {
  public:
    property_reader(std::string_view block, packet_type place) noexcept : left_(block), place_(place) {}
    bool next(property& out) noexcept;
    reason_code error() const noexcept { return error_; }
    std::string_view error_text() const noexcept { return text_; }

  private:
    bool fail(reason_code code, std::string_view text) noexcept;
    bool read_value(property& out, unsigned kind) noexcept;

    std::string_view left_;
    std::uint64_t seen_ = 0;
    packet_type place_;
    reason_code error_ = reason_code::success;
    std::string_view text_;
};

} // namespace broker::mqtt
