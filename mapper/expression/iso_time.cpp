#include "mapper/expression/iso_time.hpp"

#include <chrono>

namespace mapper::expression {

namespace {

struct cursor {
    std::string_view text;
    std::size_t at = 0;
    bool ok = true;

    bool next_is(char c) noexcept {
        if (at >= text.size() || text[at] != c) return false;
        ++at;
        return true;
    }
    int digits(int count) noexcept {
        int number = 0;
        for (int i = 0; i < count; ++i, ++at) {
            if (at >= text.size() || text[at] < '0' || text[at] > '9') {
                ok = false;
                return 0;
            }
            number = number * 10 + (text[at] - '0');
        }
        return number;
    }
};

struct parts {
    int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, milliseconds = 0, zone_minutes = 0;
    bool has_time = false, has_zone = false;
};

void read_fraction(cursor& in, parts& out) noexcept {
    int scale = 100;
    const auto from = in.at;
    for (; in.at < in.text.size() && in.text[in.at] >= '0' && in.text[in.at] <= '9'; ++in.at, scale /= 10)
        out.milliseconds += (in.text[in.at] - '0') * scale;
    if (in.at == from) in.ok = false;
}

void read_zone(cursor& in, parts& out) noexcept {
    if (in.next_is('Z')) {
        out.has_zone = true;
        return;
    }
    const bool east = in.next_is('+');
    if (!east && !in.next_is('-')) return;
    const int hours = in.digits(2);
    in.next_is(':');
    const int minutes = in.digits(2);
    if (hours > 23 || minutes > 59) in.ok = false;
    out.zone_minutes = (hours * 60 + minutes) * (east ? 1 : -1);
    out.has_zone = true;
}

std::optional<parts> read_parts(std::string_view text) noexcept {
    cursor in{text};
    parts out;
    out.year = in.digits(4);
    if (in.next_is('-')) {
        out.month = in.digits(2);
        if (in.next_is('-')) out.day = in.digits(2);
    }
    if (in.next_is('T')) {
        out.has_time = true;
        out.hour = in.digits(2);
        if (!in.next_is(':')) in.ok = false;
        out.minute = in.digits(2);
        if (!in.next_is(':')) in.ok = false;
        out.second = in.digits(2);
        if (in.next_is('.')) read_fraction(in, out);
        read_zone(in, out);
    }
    using namespace std::chrono;
    const bool day_ok =
        year_month_day(year(out.year), month(static_cast<unsigned>(out.month)), day(static_cast<unsigned>(out.day)))
            .ok();
    if (!in.ok || in.at != text.size() || !day_ok || out.hour > 23 || out.minute > 59 || out.second > 59)
        return std::nullopt;
    return out;
}

} // namespace

std::optional<std::int64_t> parse_iso_time(std::string_view text) noexcept {
    const auto read = read_parts(text);
    if (!read) return std::nullopt;
    using namespace std::chrono;
    const sys_days midnight = year_month_day(year(read->year), month(static_cast<unsigned>(read->month)),
                                             day(static_cast<unsigned>(read->day)));
    const auto minutes_of_day = read->hour * 60 + read->minute - read->zone_minutes;
    return duration_cast<milliseconds>(midnight.time_since_epoch()).count() +
           (static_cast<std::int64_t>(minutes_of_day) * 60 + read->second) * 1000 + read->milliseconds;
}

bool complete_iso_time(std::string_view text) noexcept {
    const auto read = read_parts(text);
    return read && read->has_time && read->has_zone;
}

} // namespace mapper::expression
