#include "messaging/ctl/table.hpp"

#include <simdjson.h>

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace messaging::ctl {

namespace {

std::size_t width_of(std::string_view text) noexcept {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void append_cell(std::string& line, std::string_view text, std::size_t width, bool right, bool last) {
    const std::string space(width - std::min(width, width_of(text)), ' ');
    if (right) line += space;
    line += text;
    if (last) return;
    if (!right) line += space;
    line += "  ";
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7F || (!utf8 && c >= 0x80)) {
            out += '?';
        } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
            out += '?'; // U+0080 to U+009F
            ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string readable_bytes(double bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
    return unit == 0 ? fmt::format("{:.0f} {}", bytes, units[unit]) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string format_table(const std::vector<column>& columns, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& one : columns) widths.push_back(width_of(one.title));
    for (const auto& row : rows)
        for (std::size_t i = 0; i < columns.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    std::string out;
    const auto append_row = [&](const auto& cell_of) {
        std::string line;
        for (std::size_t i = 0; i < columns.size(); ++i)
            append_cell(line, cell_of(i), widths[i], columns[i].number, i + 1 == columns.size());
        out += line + "\n";
    };
    append_row([&](std::size_t i) { return columns[i].title; });
    for (const auto& row : rows) append_row([&](std::size_t i) { return row[i]; });
    return out;
}

} // namespace messaging::ctl
