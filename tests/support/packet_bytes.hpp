// MQTT packets as raw bytes, built without the code under test: hex digits, length-prefixed texts, a fixed header.
#pragma once

#include "common/core/bytes.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace packet_bytes {

/// "10 0A ff" -> bytes; blanks are free, anything else is a mistake in the test.
inline std::string hex(std::string_view digits) {
    std::string out;
    int high = -1;
    for (const char c : digits) {
        if (c == ' ' || c == '\n') continue;
        const auto at = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
        if (at == std::string_view::npos) throw std::invalid_argument("not a hex digit");
        if (high < 0) {
            high = static_cast<int>(at);
        } else {
            out.push_back(static_cast<char>(high * 16 + static_cast<int>(at)));
            high = -1;
        }
    }
    if (high >= 0) throw std::invalid_argument("odd number of hex digits");
    return out;
}

/// For messages of failed tests: "10 0a ff".
inline std::string dump(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        if (!out.empty()) out.push_back(' ');
        out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4]);
        out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) & 15]);
    }
    return out;
}

/// Two length bytes and the text.
inline std::string text(std::string_view value) {
    std::string out{static_cast<char>(value.size() >> 8), static_cast<char>(value.size())};
    return out.append(value);
}

inline std::string varint(std::size_t value) {
    std::string out;
    do {
        const auto low = static_cast<char>(value & 0x7F);
        value >>= 7;
        out.push_back(static_cast<char>(value != 0 ? low | '\x80' : low));
    } while (value != 0);
    return out;
}

/// A whole packet: first byte, remaining length, body.
inline std::string packet(unsigned first_byte, std::string_view body) {
    std::string out(1, static_cast<char>(first_byte));
    return out.append(varint(body.size())).append(body);
}

/// A property block with its length.
inline std::string block(std::string_view properties) { return varint(properties.size()).append(properties); }

/// CONNECT with a clean session, keep alive 60 s and this client ID. `level` 3, 4 or 5.
inline std::string connect(unsigned level, std::string_view client_id, std::string_view properties = {}) {
    std::string body = text(level == 3 ? "MQIsdp" : "MQTT");
    body.push_back(static_cast<char>(level));
    body.append(hex("02 003c"));
    if (level == 5) body.append(block(properties));
    return packet(0x10, body.append(text(client_id)));
}

/// CONNECT with these flags and this payload, which begins with the client ID; keep alive 60 s, 5.0 with these
/// properties.
inline std::string connect_with(unsigned level, unsigned flags, std::string_view payload,
                                std::string_view properties = {}) {
    std::string body = text(level == 3 ? "MQIsdp" : "MQTT");
    body += {static_cast<char>(level), static_cast<char>(flags), '\0', '\x3c'};
    if (level == 5) body += block(properties);
    return packet(0x10, body.append(payload));
}

/// PUBLISH; an identifier only with QoS above 0, a property block only for level 5.
inline std::string publish(unsigned level, unsigned flags, std::string_view topic, std::uint16_t identifier,
                           std::string_view payload, std::string_view properties = {}) {
    std::string body = text(topic);
    if ((flags & 6) != 0) body.append({static_cast<char>(identifier >> 8), static_cast<char>(identifier)});
    if (level == 5) body.append(block(properties));
    return packet(0x30 | flags, body.append(payload));
}

/// SUBSCRIBE with one filter.
inline std::string subscribe(unsigned level, std::uint16_t identifier, std::string_view filter, unsigned options) {
    std::string body{static_cast<char>(identifier >> 8), static_cast<char>(identifier)};
    if (level == 5) body.push_back('\0');
    body.append(text(filter)).push_back(static_cast<char>(options));
    return packet(0x82, body);
}

/// UNSUBSCRIBE with one filter.
inline std::string unsubscribe(unsigned level, std::uint16_t identifier, std::string_view filter) {
    std::string body{static_cast<char>(identifier >> 8), static_cast<char>(identifier)};
    if (level == 5) body.push_back('\0');
    return packet(0xA2, body.append(text(filter)));
}

inline core::byte_span span(std::string_view bytes) { return core::as_bytes(bytes); }

} // namespace packet_bytes
