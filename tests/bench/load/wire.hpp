// The little MQTT 3.1.1 that the generator speaks: packets built once, and a scanner over received bytes.
// It shares no code with the broker on purpose: a common mistake would cancel out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class packet_type : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    subscribe = 8,
    suback = 9,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
};

struct packet {
    std::uint8_t first = 0; ///< Type in the high, flags in the low four bits.
    const char* body = nullptr;
    std::size_t body_bytes = 0;
    const char* start = nullptr; ///< With the fixed header, for forwarding.
    std::size_t total_bytes = 0;

    packet_type type() const noexcept { return static_cast<packet_type>(first >> 4); }
    unsigned qos() const noexcept { return (first >> 1) & 3u; }
    bool dup() const noexcept { return (first & 8u) != 0; }
};

struct publish_view {
    std::string_view topic;
    std::uint16_t identifier = 0; ///< 0 with QoS 0.
    std::string_view payload;
    bool good = false;
};

/// A PUBLISH with room for what changes: identifier (QoS 1) and payload, at known places.
struct publish_template {
    std::string bytes;
    std::size_t identifier_at = 0; ///< 0 with QoS 0.
    std::size_t payload_at = 0;
};

std::string connect_packet(std::string_view client_id, std::string_view user, std::string_view password,
                           std::uint16_t keep_alive_s);
std::string subscribe_packet(std::uint16_t identifier, const std::vector<std::string>& filters, unsigned qos);
publish_template make_publish(std::string_view topic, unsigned qos, std::string_view payload);
publish_view read_publish(const packet& from) noexcept;

/// Calls `on_packet(packet)` for each complete packet. Returns the bytes used; the rest is an incomplete packet.
/// `malformed` becomes true at a remaining length of more than four bytes (v3.1.1 §2.2.3).
template <class OnPacket>
std::size_t scan_packets(const char* from, std::size_t size, bool& malformed, OnPacket&& on_packet) {
    std::size_t used = 0;
    while (size - used >= 2) {
        std::size_t length = 0;
        std::size_t at = used + 1;
        unsigned shift = 0;
        bool complete = false;
        while (at < size && !complete) {
            const auto byte = static_cast<std::uint8_t>(from[at++]);
            length |= static_cast<std::size_t>(byte & 0x7Fu) << shift;
            shift += 7;
            complete = (byte & 0x80u) == 0;
            if (!complete && shift > 21) {
                malformed = true;
                return used;
            }
        }
        if (!complete || size - at < length) break;
        packet found;
        found.first = static_cast<std::uint8_t>(from[used]);
        found.body = from + at;
        found.body_bytes = length;
        found.start = from + used;
        found.total_bytes = at + length - used;
        used = at + length;
        on_packet(found);
    }
    return used;
}

} // namespace bench
