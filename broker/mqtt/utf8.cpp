#include "broker/mqtt/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace broker::mqtt {
namespace {

constexpr std::uint64_t high_bits = 0x8080808080808080ULL;
constexpr std::uint64_t low_bits = 0x0101010101010101ULL;

bool is_continuation(unsigned char byte) noexcept { return (byte & 0xC0) == 0x80; }

/// Length of the well-formed multi-byte character at `at`, 0 if there is none. Over-long forms, surrogates and code
/// points above U+10FFFF are refused by the range of the second byte (RFC 3629 section 4).
std::size_t character_length(const unsigned char* at, std::size_t left) noexcept {
    const unsigned char first = at[0];
    if (first >= 0xC2 && first <= 0xDF) return left >= 2 && is_continuation(at[1]) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (left < 3 || !is_continuation(at[1]) || !is_continuation(at[2])) return 0;
        if (first == 0xE0 && at[1] < 0xA0) return 0;
        if (first == 0xED && at[1] > 0x9F) return 0;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (left < 4 || !is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3])) return 0;
        if (first == 0xF0 && at[1] < 0x90) return 0;
        if (first == 0xF4 && at[1] > 0x8F) return 0;
        return 4;
    }
    return 0;
}

template <bool NulAllowed> bool well_formed(std::string_view text) noexcept {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t left = text.size();
    while (left != 0) {
        if (left >= 8) {
            std::uint64_t word;
            std::memcpy(&word, at, sizeof word);
            // No byte above 0x7F; and none zero: only then does subtracting 1 from each byte set no high bit.
            const std::uint64_t suspicious = NulAllowed ? word & high_bits : (word | (word - low_bits)) & high_bits;
            if (suspicious == 0) {
                at += 8;
                left -= 8;
                continue;
            }
        }
        std::size_t length = 1;
        if (*at >= 0x80)
            length = character_length(at, left);
        else if (!NulAllowed && *at == 0)
            return false;
        if (length == 0) return false;
        at += length;
        left -= length;
    }
    return true;
}

} // namespace

bool is_mqtt_string(std::string_view text) noexcept { return well_formed<false>(text); }

bool is_utf8(std::string_view text) noexcept { return well_formed<true>(text); }

} // namespace broker::mqtt
