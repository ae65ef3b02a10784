// The two encodings of MQTT that `common/core/bytes` does not know: variable byte integers and property blocks.
#pragma once

#include "common/core/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace broker::mqtt {

inline constexpr std::uint32_t varint_max = 268'435'455;

constexpr std::size_t varint_size(std::uint32_t value) noexcept {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

/// Writes 1 to 4 bytes at `to` and returns how many. Precondition: at most `varint_max`.
inline std::size_t store_varint(char* to, std::uint32_t value) noexcept {
    std::size_t count = 0;
    while (value >= 128) {
        to[count++] = static_cast<char>(value | 0x80);
        value >>= 7;
    }
    to[count++] = static_cast<char>(value);
    return count;
}

inline void append_varint(std::string& out, std::uint32_t value) {
    char raw[4];
    out.append(raw, store_varint(raw, value));
}

/// Fails the reader on a fifth byte and on a longer form than the value needs ([MQTT5-1.5.5-1]).
inline std::uint32_t read_varint(core::byte_reader& reader) noexcept {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        const std::uint8_t byte = reader.u8();
        value |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) != 0) continue;
        if (byte == 0 && shift != 0) reader.fail();
        return value;
    }
    reader.fail();
    return 0;
}

} // namespace broker::mqtt
