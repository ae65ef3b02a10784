// A record is one message with its metadata: encoded once where it enters the system, and the same bytes travel the
// link, lie on disk and travel back to subscribers. Layout (big-endian), version 1:
//
//   version u8 = 1 | flags u8 | arrival_ms u64 | packet_identifier u16 |
//   key u16+bytes (0xFFFF: same as client ID; 0: none) | client ID u16+bytes | user u16+bytes |
//   [topic u16+bytes, flag bit 6] | [properties u32+bytes, flag bit 7] | payload: the rest
//
// flags: bits 0-1 QoS, 2 DUP, 3 will, 4-5 authentication, 6 topic present, 7 properties present.
// Properties are MQTT 5 wire bytes of the properties that pass through (0x01 0x03 0x08 0x09 0x26), in their order.
// Pure values; views live as long as the bytes they were read from.
#pragma once

#include "common/core/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace record {

/// Never renumber: the value lies on disk.
enum class authentication : std::uint8_t { none = 0, basic = 1, x509 = 2, application = 3 };

constexpr std::uint8_t version = 1;
/// Version, flags, time, identifier and three empty lengths.
constexpr std::size_t least_bytes = 18;

struct fields {
    std::uint8_t qos = 0;
    bool dup = false;
    bool will = false;
    authentication authenticated_by = authentication::none;
    std::int64_t arrival_ms = 0; ///< Unix milliseconds, information only
    std::uint16_t packet_identifier = 0;
    bool key_is_client_id = false;
    std::string_view key;
    std::string_view client_id;
    std::string_view user;
    std::optional<std::string_view> topic; ///< only where the MQTT topic differs from the store topic
    std::string_view properties;
    std::string_view payload;

    std::string_view effective_key() const noexcept { return key_is_client_id ? client_id : key; }
};

/// Size of what `append` will write. Precondition of both: names of at most 65,534 bytes.
std::size_t encoded_size(const fields& from) noexcept;
void append(std::string& out, const fields& from);

/// Empty when the bytes are not a record of a version this program knows.
std::optional<fields> parse(core::byte_span bytes) noexcept;

/// True when the broker wrote the bytes for a client that logged in; reads one byte.
inline bool peek_from_device(core::byte_span bytes) noexcept {
    if (bytes.size() < 2) return false;
    const auto by = static_cast<authentication>((static_cast<std::uint8_t>(bytes[1]) >> 4) & 3);
    return by == authentication::basic || by == authentication::x509;
}

/// QoS of bytes that `parse` accepted before; reads one byte.
inline std::uint8_t peek_qos(core::byte_span bytes) noexcept {
    return bytes.size() < 2 ? std::uint8_t{0} : static_cast<std::uint8_t>(static_cast<std::uint8_t>(bytes[1]) & 3);
}

} // namespace record
