// Numbers as text, digit for digit as JavaScript writes and reads them. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mapper::expression {

/// ECMAScript Number::toString: shortest digits that read back, exponent below 1e-6 and from 1e21. Finite numbers only.
void append_number(std::string& out, double number);
/// As JSONata's $string: fractions are rounded to 15 significant digits first.
void append_number_15(std::string& out, double number);
/// As JSONata's $number of a text: JSON-like decimals, and 0x, 0o, 0b. Nothing when the text is no number.
std::optional<double> parse_number(std::string_view text);
/// As JSONata's $round: half to even, `precision` decimal places (may be negative).
double round_half_even(double number, int precision);

} // namespace mapper::expression
