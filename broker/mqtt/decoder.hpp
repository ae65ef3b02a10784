// Bytes to packets, without state: the caller keeps the unread bytes contiguous and calls again when more arrived.
// Nothing is read past the input, nothing is allocated, and the size limit is judged from the fixed header alone, so a
// packet that is too large is refused before any of it has to be buffered.
#pragma once

#include "broker/mqtt/packet.hpp"
#include "common/core/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace broker::mqtt {

/// Why the bytes are no packet; what the session's `on_malformed` takes.
struct decode_error {
    reason_code code = reason_code::success;
    std::string_view text;
    packet_type type = packet_type::none;
    /// The version to answer in: of the connection, or as far as a broken CONNECT told it.
    protocol_version version = protocol_version::unknown;
};

struct decode_result {
    /// Bytes of the decoded packet; 0 when more bytes are needed or the packet is refused.
    std::size_t consumed = 0;
    /// The input ends inside a packet.
    bool need_more = false;
    /// With `need_more`: whole size of that packet as its header says, 0 while the header is incomplete.
    std::size_t packet_bytes = 0;
    decode_error error;
    packet value;

    bool failed() const noexcept { return error.code != reason_code::success; }
};

/// Decodes the first packet of `input`. `version` is `unknown` before CONNECT: then anything else is refused by its
/// first byte. `packet_bytes_max` counts the whole packet with its fixed header ([MQTT5-3.2.2-15]).
decode_result decode(core::byte_span input, protocol_version version, std::uint32_t packet_bytes_max);

} // namespace broker::mqtt
