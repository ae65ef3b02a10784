#include "mapper/expression/number_format.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace mapper::expression {

namespace {

/// `0.digits × 10^point`, as ECMAScript's Number::toString names them.
struct decimal {
    char digits[24];
    int count = 0;
    int point = 0;
    bool negative = false;
};

decimal shortest(double number) {
    char raw[40];
    const auto done = std::to_chars(raw, raw + sizeof raw, number, std::chars_format::scientific);
    decimal out;
    const char* at = raw;
    if (*at == '-') {
        out.negative = true;
        ++at;
    }
    for (; at != done.ptr && *at != 'e'; ++at)
        if (*at != '.') out.digits[out.count++] = *at;
    int exponent = 0;
    ++at;
    if (at != done.ptr && *at == '+') ++at;
    std::from_chars(at, done.ptr, exponent);
    while (out.count > 1 && out.digits[out.count - 1] == '0') --out.count;
    out.point = exponent + 1;
    return out;
}

void append_decimal(std::string& out, const decimal& from) {
    if (from.negative) out.push_back('-');
    const auto count = static_cast<std::size_t>(from.count);
    if (from.count <= from.point && from.point <= 21) {
        out.append(from.digits, count);
        out.append(static_cast<std::size_t>(from.point - from.count), '0');
    } else if (0 < from.point && from.point <= 21) {
        const auto before = static_cast<std::size_t>(from.point);
        out.append(from.digits, before);
        out.push_back('.');
        out.append(from.digits + before, count - before);
    } else if (-6 < from.point && from.point <= 0) {
        out.append("0.");
        out.append(static_cast<std::size_t>(-from.point), '0');
        out.append(from.digits, count);
    } else {
        const int exponent = from.point - 1;
        out.push_back(from.digits[0]);
        if (from.count > 1) {
            out.push_back('.');
            out.append(from.digits + 1, count - 1);
        }
        out.append(exponent < 0 ? "e-" : "e+");
        out.append(std::to_string(std::abs(exponent)));
    }
}

/// Number(number.toPrecision(15)): of two equally near texts JavaScript takes the larger, printf the even one.
double rounded_to_15(double number) {
    char raw[64];
    std::snprintf(raw, sizeof raw, "%.40e", std::fabs(number));
    // "d.dddddddddddddddd…e±xx": the 16th digit is raw[16].
    bool tie = raw[16] == '5';
    for (int i = 17; tie && i < 42; ++i) tie = raw[i] == '0';
    std::snprintf(raw, sizeof raw, "%.14e", number);
    double rounded = std::strtod(raw, nullptr);
    if (tie && std::fabs(rounded) < std::fabs(number)) {
        std::snprintf(raw, sizeof raw, "%.14e", std::nextafter(number, number * 2));
        rounded = std::strtod(raw, nullptr);
    }
    return rounded;
}

bool digits_from(std::string_view text, std::size_t& at) {
    const std::size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > from;
}

bool decimal_form(std::string_view text) {
    std::size_t at = 0;
    if (at < text.size() && text[at] == '-') ++at;
    if (!digits_from(text, at)) return false;
    if (at < text.size() && text[at] == '.' && !digits_from(text, ++at)) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (!digits_from(text, at)) return false;
    }
    return at == text.size();
}

/// Digits to a double, exact while they fit 53 bits; longer ones are no number here rather than a rounded guess.
std::optional<double> radix_form(std::string_view text) {
    if (text.size() < 3 || text[0] != '0') return std::nullopt;
    int radix = 0;
    if (text[1] == 'x' || text[1] == 'X')
        radix = 16;
    else if (text[1] == 'o' || text[1] == 'O')
        radix = 8;
    else if (text[1] == 'b' || text[1] == 'B')
        radix = 2;
    else
        return std::nullopt;
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + 2, end, number, radix);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number > 1ULL << 53) return std::nullopt;
    return static_cast<double>(number);
}

double shifted(double number, int by) {
    std::string text;
    append_number(text, number);
    const auto exponent_at = text.find('e');
    int exponent = by;
    if (exponent_at != std::string::npos) {
        exponent += std::atoi(text.c_str() + exponent_at + 1);
        text.resize(exponent_at);
    }
    text += "e" + std::to_string(exponent);
    return std::strtod(text.c_str(), nullptr);
}

} // namespace

void append_number(std::string& out, double number) {
    if (number == std::trunc(number) && std::fabs(number) < 1e15) {
        char raw[24];
        const auto done = std::to_chars(raw, raw + sizeof raw, static_cast<std::int64_t>(number));
        out.append(raw, done.ptr);
        return;
    }
    append_decimal(out, shortest(number));
}

void append_number_15(std::string& out, double number) {
    if (number == std::trunc(number)) {
        append_number(out, number);
        return;
    }
    auto form = shortest(number);
    if (form.count > 15) form = shortest(rounded_to_15(number));
    append_decimal(out, form);
}

std::optional<double> parse_number(std::string_view text) {
    if (!decimal_form(text)) return radix_form(text);
    const double number = std::strtod(std::string(text).c_str(), nullptr);
    if (!std::isfinite(number)) return std::nullopt;
    return number;
}

double round_half_even(double number, int precision) {
    if (precision != 0) number = shifted(number, precision);
    double result = std::floor(number + 0.5);
    if (number == std::trunc(number) || std::fabs(number) >= 4503599627370496.0)
        result = number;
    else if (result - number > 0.5)
        result -= 1; // 0.49999999999999994 + 0.5 is 1 in doubles
    if (std::fabs(result - number) == 0.5 && std::fabs(std::fmod(result, 2)) == 1) result -= 1;
    if (precision != 0) result = shifted(result, -precision);
    return result == 0 ? 0.0 : result;
}

} // namespace mapper::expression
