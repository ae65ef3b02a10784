// Packets to bytes, appended to a string the caller owns. PUBLISH and PUBACK, the packets of the hot path, are sized
// first and written with plain copies. The other functions serve every version; what a version has no place for is left
// out.
#pragma once

#include "broker/mqtt/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace broker::mqtt {

/// A PUBLISH towards a client.
struct outgoing_publish {
    std::string_view topic;
    /// Pass-through properties as raw wire bytes; copied for 5.0, dropped for 3.x.
    std::string_view properties;
    std::string_view payload;
    std::uint16_t packet_identifier = 0;
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
};

/// Bytes the packet takes with its fixed header, for the check against the client's Maximum Packet Size
/// ([MQTT5-3.1.2-24]). 0 if no MQTT packet can hold it.
std::size_t encoded_size(const outgoing_publish& value, protocol_version version) noexcept;

/// Precondition: `encoded_size` is not 0.
void encode_publish(std::string& out, const outgoing_publish& value, protocol_version version);
/// 5.0: two bytes for success, three with another code, more with a reason string. 3.x: the identifier only.
void encode_puback(std::string& out, std::uint16_t packet_identifier, reason_code reason,
                   std::string_view reason_string, protocol_version version);
void encode_pubcomp(std::string& out, std::uint16_t packet_identifier, reason_code reason, protocol_version version);
void encode_pingresp(std::string& out);
void encode_connack(std::string& out, const connack_packet& value, protocol_version version);
/// Codes are written as they are given: a 3.x caller maps failures to 0x80 first.
void encode_suback(std::string& out, const suback_packet& value, protocol_version version);
void encode_unsuback(std::string& out, const unsuback_packet& value, protocol_version version);
/// 5.0 only in this direction; for a 3.x client the server has no DISCONNECT and nothing is written.
void encode_disconnect(std::string& out, reason_code reason, std::string_view reason_string, protocol_version version);

/// Any decoded packet back to bytes, the client's packets included: load generators and tests.
void encode(std::string& out, const packet& value, protocol_version version);

} // namespace broker::mqtt
