#include "common/net/encoding.hpp"

#include "common/net/http.hpp"

#include <array>
#include <cstdint>

namespace net {

namespace {

constexpr std::string_view standard_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using value_table = std::array<std::uint8_t, 256>;
constexpr std::uint8_t no_value = 0xff;

constexpr value_table values_of(std::string_view letters) {
    value_table table{};
    for (auto& each : table) each = no_value;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        table[static_cast<unsigned char>(letters[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}

constexpr value_table standard_values = values_of(standard_letters);
constexpr value_table url_values = values_of(url_letters);

int hexadecimal(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool unreserved(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/// The letters without the padding; empty when the padding is not what the alphabet demands.
std::optional<std::string_view> without_padding(std::string_view text, base64_alphabet alphabet) noexcept {
    if (alphabet == base64_alphabet::standard) {
        if (text.size() % 4 != 0) return std::nullopt;
        for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) return std::nullopt;
    return text;
}

} // namespace

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (unreserved(c)) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
    return out;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            out.push_back(' ');
        } else if (text[i] != '%') {
            out.push_back(text[i]);
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hexadecimal(text[i + 1]);
            const int low = hexadecimal(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
    }
    return out;
}

std::string base64_encode(core::byte_span bytes, base64_alphabet alphabet) {
    const std::string_view letters = alphabet == base64_alphabet::url ? url_letters : standard_letters;
    std::string out((bytes.size() + 2) / 3 * 4, '=');
    std::size_t at = 0;
    std::size_t i = 0;
    const auto byte = [&](std::size_t index) { return std::to_integer<std::uint32_t>(bytes[index]); };
    const auto put = [&](std::uint32_t six) { out[at++] = letters[six & 63]; };
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        put(three >> 18);
        put(three >> 12);
        put(three >> 6);
        put(three);
    }
    if (const auto left = bytes.size() - i; left != 0) {
        const std::uint32_t rest = byte(i) << 16 | (left == 2 ? byte(i + 1) << 8 : 0);
        put(rest >> 18);
        put(rest >> 12);
        if (left == 2) put(rest >> 6);
    }
    if (alphabet == base64_alphabet::url) out.resize(at);
    return out;
}

std::optional<std::string> base64_decode(std::string_view text, base64_alphabet alphabet) {
    const auto letters = without_padding(text, alphabet);
    if (!letters) return std::nullopt;
    const value_table& values = alphabet == base64_alphabet::url ? url_values : standard_values;
    std::string out(letters->size() * 3 / 4, '\0');
    std::size_t at = 0;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const unsigned char letter : *letters) {
        const std::uint8_t value = values[letter];
        if (value == no_value) return std::nullopt;
        bits = bits << 6 | value;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out[at++] = static_cast<char>(bits >> held & 0xff);
    }
    if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
    return out;
}

std::optional<basic_credentials> parse_basic_authorization(std::string_view header) {
    constexpr std::string_view scheme = "basic ";
    if (header.size() < scheme.size() || !equal_nocase(header.substr(0, scheme.size()), scheme)) return std::nullopt;
    header.remove_prefix(scheme.size());
    while (header.starts_with(' ')) header.remove_prefix(1);
    const auto decoded = base64_decode(header);
    if (!decoded) return std::nullopt;
    const auto colon = decoded->find(':');
    if (colon == std::string::npos) return std::nullopt;
    return basic_credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::string basic_authorization(std::string_view user, std::string_view password) {
    const std::string both = std::string(user) + ":" + std::string(password);
    return "Basic " + base64_encode(core::as_bytes(both));
}

} // namespace net
