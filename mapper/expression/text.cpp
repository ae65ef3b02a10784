#include "mapper/expression/text.hpp"

#include <algorithm>
#include <cstring>

namespace mapper::expression {

namespace {

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned char byte_at(std::string_view text, std::size_t at) noexcept { return static_cast<unsigned char>(text[at]); }

/// Alphabets without case, so that a text in them passes unchanged.
bool caseless(std::uint32_t c) noexcept {
    struct range {
        std::uint32_t first, last;
    };
    static constexpr range ranges[] = {{0x80, 0xBF},     {0xD7, 0xD7},       {0xF7, 0xF7},      {0x2B0, 0x344},
                                       {0x346, 0x36F},   {0x591, 0x109F},    {0x1100, 0x139F},  {0x2000, 0x20CF},
                                       {0x2190, 0x24B5}, {0x24EA, 0x2BFF},   {0x2E80, 0xA63F},  {0xAC00, 0xFAFF},
                                       {0xFB1D, 0xFF20}, {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFF}};
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const range& r) { return c >= r.first && c <= r.last; });
}

/// Latin Extended-A in which capitals are even (or odd) and the small letter follows.
bool paired(std::uint32_t c, bool& capital) noexcept {
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177) ||
        (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F)) {
        capital = c % 2 == 0;
        return true;
    }
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || (c >= 0x4C1 && c <= 0x4CE)) {
        capital = c % 2 == 1;
        return true;
    }
    return false;
}

bool append_upper_of(std::string& out, std::uint32_t c) {
    bool capital = false;
    if (c == 0xDF)
        out.append("SS");
    else if (c == 0xB5)
        append_code_point(out, 0x39C);
    else if (c == 0xFF)
        append_code_point(out, 0x178);
    else if (c == 0x131)
        out.push_back('I');
    else if (c == 0x17F)
        out.push_back('S');
    else if (c == 0x138 || c == 0x130 || c == 0x178)
        append_code_point(out, c);
    else if (c == 0x149)
        out.append("\xCA\xBC"
                   "N");
    else if (c == 0x3C2)
        append_code_point(out, 0x3A3);
    else if (c == 0x3AC)
        append_code_point(out, 0x386);
    else if (c >= 0x3AD && c <= 0x3AF)
        append_code_point(out, c - 37);
    else if (c == 0x3CC)
        append_code_point(out, 0x38C);
    else if (c == 0x3CD || c == 0x3CE)
        append_code_point(out, c - 63);
    else if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3CB) || (c >= 0x430 && c <= 0x44F))
        append_code_point(out, c - 32);
    else if (c >= 0x450 && c <= 0x45F)
        append_code_point(out, c - 80);
    else if ((c >= 0xC0 && c <= 0xDE) || (c >= 0x391 && c <= 0x3AB) || (c >= 0x400 && c <= 0x42F) || c == 0x386 ||
             (c >= 0x388 && c <= 0x38F))
        append_code_point(out, c);
    else if (paired(c, capital))
        append_code_point(out, capital ? c : c - 1);
    else if (caseless(c))
        append_code_point(out, c);
    else
        return false;
    return true;
}

bool append_lower_of(std::string& out, std::uint32_t c) {
    bool capital = false;
    if (c == 0x130 || c == 0x3A3) return false; // their small form depends on what stands beside them
    if (c == 0x178)
        append_code_point(out, 0xFF);
    else if (c == 0x386)
        append_code_point(out, 0x3AC);
    else if (c >= 0x388 && c <= 0x38A)
        append_code_point(out, c + 37);
    else if (c == 0x38C)
        append_code_point(out, 0x3CC);
    else if (c == 0x38E || c == 0x38F)
        append_code_point(out, c + 63);
    else if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3AB) || (c >= 0x410 && c <= 0x42F))
        append_code_point(out, c + 32);
    else if (c >= 0x400 && c <= 0x40F)
        append_code_point(out, c + 80);
    else if ((c >= 0xDF && c <= 0xFF) || (c >= 0x3AC && c <= 0x3CE) || (c >= 0x430 && c <= 0x45F) || c == 0x131 ||
             c == 0x138 || c == 0x149 || c == 0x17F)
        append_code_point(out, c);
    else if (paired(c, capital))
        append_code_point(out, capital ? c + 1 : c);
    else if (caseless(c))
        append_code_point(out, c);
    else
        return false;
    return true;
}

int base64_value(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

} // namespace

std::size_t code_point_count(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::size_t code_point_offset(std::string_view text, std::size_t index) noexcept {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
        if ((text[at] & 0xC0) != 0x80 && index-- == 0) return at;
    return text.size();
}

std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
    const unsigned char lead = byte_at(text, at++);
    if (lead < 0x80) return lead;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    std::uint32_t c = lead & (0x3FU >> more);
    for (int i = 0; i < more && at < text.size(); ++i) c = c << 6 | (byte_at(text, at++) & 0x3FU);
    return c;
}

void append_code_point(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out.push_back(static_cast<char>(c));
        return;
    }
    if (c < 0x800) {
        out.push_back(static_cast<char>(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            out.push_back(static_cast<char>(0xE0 | c >> 12));
        } else {
            out.push_back(static_cast<char>(0xF0 | c >> 18));
            out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
        }
        out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    }
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
}

bool valid_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const unsigned char lead = byte_at(text, at);
        const std::size_t length = lead < 0x80                   ? 1
                                   : lead >= 0xC2 && lead < 0xE0 ? 2
                                   : lead >= 0xE0 && lead < 0xF0 ? 3
                                   : lead >= 0xF0 && lead < 0xF5 ? 4
                                                                 : 0;
        if (length == 0 || at + length > text.size()) return false;
        for (std::size_t i = 1; i < length; ++i)
            if ((text[at + i] & 0xC0) != 0x80) return false;
        std::size_t next = at;
        const std::uint32_t c = next_code_point(text, next);
        if ((length == 3 && c < 0x800) || (length == 4 && (c < 0x10000 || c > 0x10FFFF)) || (c >= 0xD800 && c < 0xE000))
            return false;
        at += length;
    }
    return true;
}

int compare_utf16(std::string_view a, std::string_view b) noexcept {
    const auto shared = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < shared; ++i) {
        const unsigned char x = byte_at(a, i);
        const unsigned char y = byte_at(b, i);
        if (x == y) continue;
        // Code points beyond U+FFFF are surrogates in UTF-16 and come before U+E000.
        if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0)) return x >= 0xF0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

std::size_t find_text(std::string_view in, std::string_view what, std::size_t from) noexcept {
    if (from > in.size()) return std::string_view::npos;
    if (what.empty()) return from;
    const void* found = memmem(in.data() + from, in.size() - from, what.data(), what.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
}

bool append_upper(std::string& out, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto c = next_code_point(text, at);
        if (c < 0x80)
            out.push_back(static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c));
        else if (!append_upper_of(out, c))
            return false;
    }
    return true;
}

bool append_lower(std::string& out, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto c = next_code_point(text, at);
        if (c < 0x80)
            out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
        else if (!append_lower_of(out, c))
            return false;
    }
    return true;
}

void append_trimmed(std::string& out, std::string_view text) {
    const auto start = out.size();
    bool blank = false;
    for (const char c : text) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            blank = true;
            continue;
        }
        if (blank && out.size() > start) out.push_back(' ');
        blank = false;
        out.push_back(c);
    }
}

bool append_base64(std::string& out, std::string_view text) {
    std::uint32_t bits = 0;
    int held = 0;
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) {
        const auto c = next_code_point(text, at);
        if (c > 0xFF) return false;
        bits = bits << 8 | c;
        for (held += 8; held >= 6; held -= 6) out.push_back(base64_digits[bits >> (held - 6) & 63]);
    }
    if (held > 0) out.push_back(base64_digits[bits << (6 - held) & 63]);
    for (; count % 3 != 0; ++count) out.push_back('=');
    return true;
}

bool append_base64_decoded(std::string& out, std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    if (text.size() % 4 == 1) return false;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int digit = base64_value(c);
        if (digit < 0) return false;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            append_code_point(out, bits >> held & 0xFF);
        }
    }
    return true;
}

} // namespace mapper::expression
