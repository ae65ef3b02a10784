#include "tests/platform/model/text.hpp"

#include <algorithm>
#include <chrono>

namespace platform_sim::model {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Takes fixed-width numbers and marks off the front of a time text.
class time_cursor {
  public:
    explicit time_cursor(std::string_view text) : left_(text) {}
    bool number(std::size_t width, int& into) {
        if (left_.size() < width) return false;
        into = 0;
        for (std::size_t i = 0; i < width; ++i) {
            if (left_[i] < '0' || left_[i] > '9') return false;
            into = into * 10 + (left_[i] - '0');
        }
        left_.remove_prefix(width);
        return true;
    }
    bool mark(char c) {
        if (left_.empty() || left_.front() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    bool done() const { return left_.empty(); }
    int milliseconds() {
        int value = 0;
        int scale = 100;
        while (!left_.empty() && left_.front() >= '0' && left_.front() <= '9') {
            value += (left_.front() - '0') * scale;
            scale /= 10;
            left_.remove_prefix(1);
        }
        return value;
    }

  private:
    std::string_view left_;
};

/// Minutes east of UTC; nothing when the text is no zone.
std::optional<int> read_zone(time_cursor& cursor) {
    if (cursor.done() || cursor.mark('Z')) return 0;
    const bool east = cursor.mark('+');
    if (!east && !cursor.mark('-')) return std::nullopt;
    int hours = 0;
    int minutes = 0;
    if (!cursor.number(2, hours)) return std::nullopt;
    (void)cursor.mark(':'); // +01:00 and +0100 are both in use
    if (!cursor.done() && !cursor.number(2, minutes)) return std::nullopt;
    if (hours > 18 || minutes > 59) return std::nullopt;
    return (east ? 1 : -1) * (hours * 60 + minutes);
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    return out;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
    time_cursor cursor(text);
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0, zone = 0;
    if (!cursor.number(4, year) || !cursor.mark('-') || !cursor.number(2, month) || !cursor.mark('-') ||
        !cursor.number(2, day))
        return std::nullopt;
    if (!cursor.done()) {
        if (!cursor.mark('T') || !cursor.number(2, hour) || !cursor.mark(':') || !cursor.number(2, minute))
            return std::nullopt;
        if (cursor.mark(':') && !cursor.number(2, second)) return std::nullopt;
        if (cursor.mark('.')) fraction = cursor.milliseconds();
        const auto read = read_zone(cursor);
        if (!read || !cursor.done()) return std::nullopt;
        zone = *read;
    }
    using namespace std::chrono;
    const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const auto at = sys_days{date} + hours{hour} + minutes{minute - zone} + seconds{second} + milliseconds{fraction};
    return duration_cast<milliseconds>(at.time_since_epoch()).count();
}

bool wildcard_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

} // namespace platform_sim::model
