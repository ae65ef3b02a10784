#include "common/core/base64.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace core {
namespace {

constexpr char standard_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Two characters per lookup when encoding; four ready-shifted lookups per group when decoding. A character outside the
// alphabet has `bad` set, which survives the OR of a group.
constexpr std::uint32_t bad = 0x80000000u;

struct tables {
    std::array<char, 64> letters{};
    std::array<std::array<char, 2>, 4096> pairs{};
    std::array<std::array<std::uint32_t, 256>, 4> values{};

    constexpr explicit tables(const char* alphabet) {
        for (auto& position : values) position.fill(bad);
        for (std::uint32_t i = 0; i < 64; ++i) {
            letters[i] = alphabet[i];
            for (std::uint32_t position = 0; position < 4; ++position)
                values[position][static_cast<unsigned char>(alphabet[i])] = i << (18 - 6 * position);
        }
        for (std::uint32_t i = 0; i < 4096; ++i) pairs[i] = {alphabet[i >> 6], alphabet[i & 63]};
    }
};

constinit const tables standard(standard_alphabet);
constinit const tables url(url_alphabet);

std::uint32_t byte_at(std::string_view bytes, std::size_t at) noexcept { return static_cast<unsigned char>(bytes[at]); }

void put_three(char* to, std::uint32_t group) noexcept {
    to[0] = static_cast<char>(group >> 16);
    to[1] = static_cast<char>(group >> 8);
    to[2] = static_cast<char>(group);
}

/// Characters needed for `bytes` bytes without padding.
constexpr std::size_t unpadded_length(std::size_t bytes) noexcept {
    return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

void encode(std::string& out, std::string_view bytes, const tables& with, bool padded) {
    const std::size_t start = out.size();
    out.resize(start + (padded ? base64_length(bytes.size()) : unpadded_length(bytes.size())), '=');
    char* to = out.data() + start;
    std::size_t at = 0;
    for (; at + 3 <= bytes.size(); at += 3, to += 4) {
        const std::uint32_t group = byte_at(bytes, at) << 16 | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2);
        std::memcpy(to, with.pairs[group >> 12].data(), 2);
        std::memcpy(to + 2, with.pairs[group & 4095].data(), 2);
    }
    const std::size_t left = bytes.size() - at;
    if (left == 0) return;
    const std::uint32_t group = byte_at(bytes, at) << 16 | (left == 2 ? byte_at(bytes, at + 1) << 8 : 0);
    to[0] = with.letters[group >> 18];
    to[1] = with.letters[group >> 12 & 63];
    if (left == 2) to[2] = with.letters[group >> 6 & 63];
}

/// Decodes text without padding characters.
bool decode(std::string& out, std::string_view text, const tables& with) {
    const std::size_t tail = text.size() % 4;
    if (tail == 1) return false;
    const std::size_t start = out.size();
    out.resize(start + base64_bytes_max(text.size()));
    char* to = out.data() + start;
    std::uint32_t seen = 0;
    std::size_t at = 0;
    for (; at + 4 <= text.size(); at += 4, to += 3) {
        const std::uint32_t group = with.values[0][byte_at(text, at)] | with.values[1][byte_at(text, at + 1)] |
                                    with.values[2][byte_at(text, at + 2)] | with.values[3][byte_at(text, at + 3)];
        seen |= group;
        put_three(to, group);
    }
    if (tail != 0) {
        std::uint32_t group = with.values[0][byte_at(text, at)] | with.values[1][byte_at(text, at + 1)];
        if (tail == 3) group |= with.values[2][byte_at(text, at + 2)];
        // Bits that stand for no byte must be zero (RFC 4648 §3.5), or two texts would mean the same bytes.
        if ((group & (tail == 2 ? 0xFFFFu : 0xFFu)) != 0) seen |= bad;
        seen |= group;
        to[0] = static_cast<char>(group >> 16);
        if (tail == 3) to[1] = static_cast<char>(group >> 8);
    }
    if ((seen & bad) == 0) return true;
    out.resize(start);
    return false;
}

} // namespace

void append_base64(std::string& out, std::string_view bytes) { encode(out, bytes, standard, true); }

std::string base64_encode(std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

bool append_base64_decoded(std::string& out, std::string_view text) {
    if (text.size() % 4 != 0) return false;
    if (text.ends_with("=="))
        text.remove_suffix(2);
    else if (text.ends_with('='))
        text.remove_suffix(1);
    return decode(out, text, standard);
}

std::optional<std::string> base64_decode(std::string_view text) {
    std::string out;
    if (!append_base64_decoded(out, text)) return std::nullopt;
    return out;
}

void append_base64url(std::string& out, std::string_view bytes) { encode(out, bytes, url, false); }

std::string base64url_encode(std::string_view bytes) {
    std::string out;
    append_base64url(out, bytes);
    return out;
}

bool append_base64url_decoded(std::string& out, std::string_view text) { return decode(out, text, url); }

std::optional<std::string> base64url_decode(std::string_view text) {
    std::string out;
    if (!append_base64url_decoded(out, text)) return std::nullopt;
    return out;
}

} // namespace core
