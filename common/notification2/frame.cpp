#include "common/notification2/frame.hpp"

#include "common/core/base64.hpp"

#include <array>
#include <charconv>

namespace notification2 {
namespace {

constexpr std::string_view ack_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t ack_digits_max = 11; // 64 bits in digits of 6

constexpr std::array<std::int8_t, 256> ack_digit_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < ack_digits.size(); ++i)
        values[static_cast<unsigned char>(ack_digits[i])] = static_cast<std::int8_t>(i);
    return values;
}();

void append_ack_number(std::string& out, std::uint64_t value) {
    char reversed[ack_digits_max];
    std::size_t count = 0;
    do {
        reversed[count++] = ack_digits[value & 63];
        value >>= 6;
    } while (value != 0);
    while (count != 0) out.push_back(reversed[--count]);
}

/// False for anything append_ack_number would not write: empty, too large, a leading zero digit.
bool parse_ack_number(std::string_view text, std::uint64_t& into) noexcept {
    if (text.empty() || text.size() > ack_digits_max) return false;
    if (text.size() > 1 && text.front() == ack_digits[0]) return false;
    into = 0;
    for (const char c : text) {
        const std::int8_t digit = ack_digit_values[static_cast<unsigned char>(c)];
        if (digit < 0 || (into >> 58) != 0) return false;
        into = into << 6 | static_cast<std::uint64_t>(digit);
    }
    return true;
}

/// Takes the first line off `text`, without its LF or CR LF. False when no LF is left.
bool take_line(std::string_view& text, std::string_view& line) noexcept {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return false;
    line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text.remove_prefix(end + 1);
    return true;
}

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, number);
    (void)ec; // 20 digits hold every 64-bit number
    out.append(digits, end);
}

} // namespace

core::result<producer_frame> parse_producer_frame(std::string_view text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return errc::no_line_feed;
    const auto sequence = parse_sequence(text.substr(0, end));
    if (!sequence) return sequence.error();
    const auto payload = text.substr(end + 1);
    if (payload.find('\n') != std::string_view::npos) return errc::bad_base64;
    return producer_frame{*sequence, payload};
}

void append_producer_frame(std::string& out, std::uint64_t sequence, std::string_view record) {
    append_number(out, sequence);
    out.push_back('\n');
    core::append_base64(out, record);
}

void append_producer_ack(std::string& out, std::uint64_t sequence) { append_number(out, sequence); }

core::result<std::uint64_t> parse_sequence(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return errc::bad_sequence;
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return errc::bad_sequence;
    return value;
}

core::result<void> append_record(std::string& out, std::string_view base64, std::size_t record_bytes_max) {
    // The padding may stand for two bytes less, so only what is too large in any case is refused before decoding.
    if (core::base64_bytes_max(base64.size()) > record_bytes_max + 2) return errc::too_large;
    const std::size_t before = out.size();
    if (!core::append_base64_decoded(out, base64)) return errc::bad_base64;
    if (out.size() - before <= record_bytes_max) return {};
    out.resize(before);
    return errc::too_large;
}

core::result<consumer_frame> parse_consumer_frame(std::string_view text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return consumer_frame{{}, text};
    const auto payload = text.substr(end + 1);
    if (payload.find('\n') != std::string_view::npos) return errc::bad_base64;
    return consumer_frame{text.substr(0, end), payload};
}

void append_consumer_frame(std::string& out, std::string_view ack_header, std::string_view record) {
    out.reserve(out.size() + ack_header.size() + 1 + core::base64_length(record.size()));
    out.append(ack_header);
    out.push_back('\n');
    core::append_base64(out, record);
}

core::result<notification> parse_notification(std::string_view text) {
    notification parsed;
    std::array<std::string_view*, 3> fields{&parsed.ack_header, &parsed.description, &parsed.action};
    std::string_view line;
    for (std::size_t number = 0;; ++number) {
        if (!take_line(text, line)) return errc::no_blank_line;
        if (line.empty() && number == 0) return errc::empty_ack_header;
        if (line.empty()) break;
        if (number < fields.size()) *fields[number] = line;
    }
    parsed.body = text;
    return parsed;
}

std::string_view ack_header_of(std::string_view text) noexcept {
    std::string_view line;
    return take_line(text, line) ? line : std::string_view{};
}

void append_notification(std::string& out, const notification& of) {
    out.reserve(out.size() + of.ack_header.size() + of.description.size() + of.action.size() + of.body.size() + 4);
    out.append(of.ack_header).push_back('\n');
    out.append(of.description).push_back('\n');
    out.append(of.action).append("\n\n");
    out.append(of.body);
}

notification_description parse_description(std::string_view description) noexcept {
    if (description.starts_with('/')) description.remove_prefix(1);
    notification_description parts;
    for (std::string_view* part : {&parts.tenant, &parts.api}) {
        const auto end = description.find('/');
        *part = description.substr(0, end);
        if (end == std::string_view::npos) return parts;
        description.remove_prefix(end + 1);
    }
    parts.source = description;
    return parts;
}

consumer_reply parse_consumer_reply(std::string_view text) noexcept {
    if (text == unsubscribe_text) return {true, {}};
    return {false, text};
}

void append_ack_header(std::string& out, ack_position position) {
    append_ack_number(out, position.first);
    out.push_back('.');
    append_ack_number(out, position.second);
}

core::result<ack_position> parse_ack_header(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return errc::bad_ack_header;
    ack_position position;
    if (!parse_ack_number(text.substr(0, dot), position.first)) return errc::bad_ack_header;
    if (!parse_ack_number(text.substr(dot + 1), position.second)) return errc::bad_ack_header;
    return position;
}

} // namespace notification2
