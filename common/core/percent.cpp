#include "common/core/percent.hpp"

namespace core {
namespace {

constexpr char digits[] = "0123456789ABCDEF";

bool unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/// The byte of the escape at `at`, or -1.
int escape_value(std::string_view text, std::size_t at) noexcept {
    if (text.size() - at < 3) return -1;
    const int high = digit_value(text[at + 1]);
    const int low = digit_value(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

} // namespace

void append_percent_encoded(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (unreserved(c)) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        out.append(escape, 3);
    }
}

std::string percent_encode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    append_percent_encoded(out, text);
    return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out.push_back(text[at]);
            continue;
        }
        const int byte = escape_value(text, at);
        if (byte < 0) return std::nullopt;
        out.push_back(static_cast<char>(byte));
        at += 2;
    }
    return out;
}

bool is_percent_encoded(std::string_view text) {
    bool escaped = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (unreserved(text[at])) continue;
        if (text[at] != '%') return false;
        const int byte = escape_value(text, at);
        if (byte < 0 || unreserved(static_cast<char>(byte))) return false;
        escaped = true;
        at += 2;
    }
    return escaped;
}

} // namespace core
