// One struct per control packet, for MQTT 3.1, 3.1.1 and 5.0. Decoded packets hold views into the input bytes and own
// nothing: they live as long as the buffer they were decoded from. Lists (SUBSCRIBE, UNSUBSCRIBE, property blocks) stay
// raw bytes that the decoder has validated; the small readers below walk them without allocation.
#pragma once

#include "broker/mqtt/reason_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace broker::mqtt {

/// The protocol level byte of CONNECT; `unknown` until a CONNECT was decoded.
enum class protocol_version : std::uint8_t { unknown = 0, v3_1 = 3, v3_1_1 = 4, v5 = 5 };

enum class packet_type : std::uint8_t {
    none = 0,
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

/// "PUBLISH" and so on, for logs and error reports.
std::string_view name_of(packet_type type) noexcept;

/// True if the tables of MQTT 5.0 let this packet carry this reason code.
bool may_carry(packet_type type, reason_code code) noexcept;
/// The code itself if the packet may carry it, else "implementation specific error", which every answer may carry.
reason_code carried_by(packet_type type, reason_code code) noexcept;

struct will_message {
    std::string_view topic;
    std::string_view payload;
    /// Raw will property block of a v5 CONNECT; see `pass_through_properties`.
    std::string_view properties;
    std::uint32_t delay_s = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    bool payload_is_utf8 = false;
    bool properties_pass_through_only = true;
};

struct connect_packet {
    protocol_version version = protocol_version::unknown;
    bool clean_start = true;
    std::uint16_t keep_alive_s = 0;
    std::string_view client_id;
    std::optional<std::string_view> username;
    std::optional<std::string_view> password;
    std::optional<will_message> will;
    // MQTT 5.0 section 3.1.2.11; a 3.x client has the defaults.
    std::uint32_t session_expiry_s = 0;
    std::uint32_t packet_bytes_max = 0xFFFFFFFF;
    std::uint16_t receive_maximum = 65535;
    std::uint16_t topic_alias_maximum = 0;
    bool request_response_information = false;
    bool request_problem_information = true;
    std::optional<std::string_view> authentication_method;
    std::optional<std::string_view> authentication_data;
};

/// What a server announces (MQTT 5.0 section 3.2.2.3); an absent value is not written. 3.x: flags and code only.
struct connack_packet {
    bool session_present = false;
    reason_code reason = reason_code::success;
    std::optional<std::uint32_t> session_expiry_s;
    std::optional<std::uint16_t> receive_maximum;
    std::optional<std::uint8_t> maximum_qos;
    std::optional<bool> retain_available;
    std::optional<std::uint32_t> packet_bytes_max;
    std::optional<std::uint16_t> topic_alias_maximum;
    std::optional<bool> wildcard_subscription_available;
    std::optional<bool> subscription_identifiers_available;
    std::optional<bool> shared_subscription_available;
    std::optional<std::uint16_t> server_keep_alive_s;
    std::string_view assigned_client_id;
    std::string_view reason_string;
};

struct publish_packet {
    std::string_view topic;
    std::string_view payload;
    /// Raw v5 property block without its length; empty for 3.x.
    std::string_view properties;
    std::uint16_t packet_identifier = 0;
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
    bool payload_is_utf8 = false;
    bool has_topic_alias = false;
    bool has_message_expiry = false;
    bool has_subscription_identifier = false;
    bool properties_pass_through_only = true;
    std::uint16_t topic_alias = 0;
    std::uint32_t message_expiry_s = 0;
};

/// The wire bytes of properties 0x01, 0x03, 0x08, 0x09 and 0x26 in the order they came: the block itself when it holds
/// nothing else, else copied into `scratch`. (MQTT 5.0 [MQTT-3.3.2-4], -15 to -18, -20: they reach subscribers
/// unchanged.)
std::string_view pass_through_properties(const publish_packet& value, std::string& scratch);
std::string_view pass_through_properties(const will_message& will, std::string& scratch);

struct puback_packet {
    std::uint16_t packet_identifier = 0;
    reason_code reason = reason_code::success;
    std::string_view reason_string;
};
struct pubrec_packet {
    std::uint16_t packet_identifier = 0;
    reason_code reason = reason_code::success;
    std::string_view reason_string;
};
struct pubrel_packet {
    std::uint16_t packet_identifier = 0;
    reason_code reason = reason_code::success;
    std::string_view reason_string;
};
struct pubcomp_packet {
    std::uint16_t packet_identifier = 0;
    reason_code reason = reason_code::success;
    std::string_view reason_string;
};

/// One filter of a SUBSCRIBE with its options (MQTT 5.0 section 3.8.3.1; 3.x has the QoS only).
struct subscription {
    std::string_view filter;
    std::uint8_t qos = 0;
    std::uint8_t retain_handling = 0;
    bool no_local = false;
    bool retain_as_published = false;
};

struct subscribe_packet {
    std::uint16_t packet_identifier = 0;
    std::uint32_t filter_count = 0;
    std::uint32_t subscription_identifier = 0;
    /// Validated filters with their option bytes; walk with `subscription_reader`.
    std::string_view filters;
};

struct suback_packet {
    std::uint16_t packet_identifier = 0;
    std::string_view reason_string;
    /// One reason code (5.0) or return code (3.x) per byte, in the order of the filters.
    std::string_view codes;
};

struct unsubscribe_packet {
    std::uint16_t packet_identifier = 0;
    std::uint32_t filter_count = 0;
    /// Validated filters; walk with `filter_reader`.
    std::string_view filters;
};

struct unsuback_packet {
    std::uint16_t packet_identifier = 0;
    std::string_view reason_string;
    /// One reason code per byte; empty in 3.x, where UNSUBACK has no payload.
    std::string_view codes;
};

struct pingreq_packet {};
struct pingresp_packet {};

struct disconnect_packet {
    reason_code reason = reason_code::normal_disconnection;
    std::optional<std::uint32_t> session_expiry_s;
    std::string_view reason_string;
};

struct auth_packet {
    reason_code reason = reason_code::success;
    std::string_view method;
    std::string_view data;
    std::string_view reason_string;
};

using packet =
    std::variant<std::monostate, connect_packet, connack_packet, publish_packet, puback_packet, pubrec_packet,
                 pubrel_packet, pubcomp_packet, subscribe_packet, suback_packet, unsubscribe_packet, unsuback_packet,
                 pingreq_packet, pingresp_packet, disconnect_packet, auth_packet>;

/// The variant's alternatives stand in the order of the type numbers.
inline packet_type type_of(const packet& value) noexcept { return static_cast<packet_type>(value.index()); }

/// Walks the filters of a decoded SUBSCRIBE: `while (auto next = reader.next())`.
class subscription_reader {
  public:
    explicit subscription_reader(const subscribe_packet& value) noexcept : left_(value.filters) {}
    std::optional<subscription> next() noexcept;

  private:
    std::string_view left_;
};

/// Walks the filters of a decoded UNSUBSCRIBE.
class filter_reader {
  public:
    explicit filter_reader(const unsubscribe_packet& value) noexcept : left_(value.filters) {}
    std::optional<std::string_view> next() noexcept;

  private:
    std::string_view left_;
};

} // namespace broker::mqtt
