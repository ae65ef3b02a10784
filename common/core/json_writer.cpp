#include "common/core/json_writer.hpp"

#include <cassert>
#include <charconv>
#include <cmath>

namespace core {

namespace {

/// Length of the valid UTF-8 sequence at the start of `text`, 0 when it is not one (overlong and surrogates included).
std::size_t utf8_length(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto continues = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0) == 0x80; };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (!continues(1) || !continues(2)) return 0;
        if (lead == 0xE0 && at(1) < 0xA0) return 0;
        if (lead == 0xED && at(1) > 0x9F) return 0;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (!continues(1) || !continues(2) || !continues(3)) return 0;
        if (lead == 0xF0 && at(1) < 0x90) return 0;
        if (lead == 0xF4 && at(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

void append_escaped(std::string& out, unsigned char c) {
    static constexpr char hex[] = "0123456789abcdef";
    switch (c) {
    case '"': out.append("\\\""); break;
    case '\\': out.append("\\\\"); break;
    case '\n': out.append("\\n"); break;
    case '\r': out.append("\\r"); break;
    case '\t': out.append("\\t"); break;
    case '\b': out.append("\\b"); break;
    case '\f': out.append("\\f"); break;
    default:
        out.append("\\u00");
        out.push_back(hex[c >> 4]);
        out.push_back(hex[c & 15]);
    }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    std::size_t plain_from = 0;
    std::size_t i = 0;
    const auto flush = [&] { out.append(text, plain_from, i - plain_from); };
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        if (c < 0x80) {
            flush();
            append_escaped(out, c);
            plain_from = ++i;
            continue;
        }
        if (const auto length = utf8_length(text.substr(i)); length != 0) {
            i += length;
            continue;
        }
        flush();
        out.append("\xEF\xBF\xBD");
        plain_from = ++i;
    }
    flush();
    out.push_back('"');
}

void append_json_number(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out.append("null");
        return;
    }
    char raw[32];
    if (number == std::trunc(number) && std::fabs(number) < 9007199254740992.0) {
        const auto done = std::to_chars(raw, raw + sizeof raw, static_cast<std::int64_t>(number));
        out.append(raw, done.ptr);
        return;
    }
    const auto done = std::to_chars(raw, raw + sizeof raw, number);
    out.append(raw, done.ptr);
}

json_writer& json_writer::end() {
    assert(!closing_.empty());
    out_.push_back(closing_.back());
    closing_.pop_back();
    first_ = false;
    return *this;
}

json_writer& json_writer::key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_.push_back(':');
    first_ = true; // the value that follows takes no comma
    return *this;
}

json_writer& json_writer::value(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
}

json_writer& json_writer::value(bool flag) { return raw(flag ? "true" : "false"); }

json_writer& json_writer::value(double number) {
    separate();
    append_json_number(out_, number);
    return *this;
}

json_writer& json_writer::raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
}

json_writer& json_writer::open(char first, char last) {
    separate();
    out_.push_back(first);
    closing_.push_back(last);
    first_ = true;
    return *this;
}

void json_writer::separate() {
    if (!first_) out_.push_back(',');
    first_ = false;
}

} // namespace core
