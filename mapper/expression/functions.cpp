#include "mapper/expression/functions.hpp"

#include "common/core/clock.hpp"
#include "mapper/expression/evaluator.hpp"
#include "mapper/expression/iso_time.hpp"
#include "mapper/expression/number_format.hpp"
#include "mapper/expression/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace mapper::expression {

namespace {

using arguments = std::span<value>;

constexpr double iso_years_ms_max = 253'402'300'799'999; ///< end of the year 9999

value number_or_fail(evaluator& in, double result) {
    return std::isfinite(result) ? value::number(result) : in.fail("the result is too large for a number");
}

// ---- texts ----

value run_string(evaluator& in, arguments with) {
    if (!with[0].exists() || with[0].is(kind::text)) return with[0];
    auto& out = in.scratch();
    return append_text(in, out, with[0]) ? in.text(out) : value{};
}

value run_length(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    in.charge(with[0].as_text().size() / 64);
    return value::number(static_cast<double>(code_point_count(with[0].as_text())));
}

/// JavaScript's slice bound: truncated, counted from the end when negative, kept within 0 … count.
std::size_t slice_bound(double at, double count) {
    at = std::isnan(at) ? 0 : std::trunc(at);
    if (at < 0) at = std::max(0.0, count + at);
    return static_cast<std::size_t>(std::min(at, count));
}

value run_substring(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    const auto text = with[0].as_text();
    if (!with[1].exists()) return in.fail("`$substring` needs the place to begin as value 2, and it is missing");
    in.charge(text.size() / 64);
    const auto count = static_cast<double>(code_point_count(text));
    double start = with[1].as_number();
    if (count + start < 0) start = 0;
    double end = count;
    if (with[2].exists()) {
        if (with[2].as_number() <= 0) return value::text("");
        end = start >= 0 ? start + with[2].as_number() : count + start + with[2].as_number();
    }
    const auto from = slice_bound(start, count);
    const auto to = slice_bound(end, count);
    if (from >= to) return value::text("");
    const auto first = code_point_offset(text, from);
    return value::text(text.substr(first, code_point_offset(text.substr(first), to - from)));
}

value run_before(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (!with[1].exists())
        return in.fail("`$substringBefore` needs the text to look for as value 2, and it is missing");
    const auto text = with[0].as_text();
    in.charge(text.size() / 64);
    const auto at = find_text(text, with[1].as_text(), 0);
    return at == std::string_view::npos ? with[0] : value::text(text.substr(0, at));
}

value run_after(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (!with[1].exists()) return in.fail("`$substringAfter` needs the text to look for as value 2, and it is missing");
    const auto text = with[0].as_text();
    in.charge(text.size() / 64);
    const auto at = find_text(text, with[1].as_text(), 0);
    return at == std::string_view::npos ? with[0] : value::text(text.substr(at + with[1].as_text().size()));
}

value change_case(evaluator& in, const value& of, bool (*append)(std::string&, std::string_view)) {
    if (!of.exists()) return {};
    auto& out = in.scratch();
    in.charge(of.as_text().size() / 16);
    if (!append(out, of.as_text()))
        return in.fail("the text holds letters whose upper and lower case are not known here");
    return in.text(out);
}
value run_uppercase(evaluator& in, arguments with) { return change_case(in, with[0], append_upper); }
value run_lowercase(evaluator& in, arguments with) { return change_case(in, with[0], append_lower); }

value run_trim(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    auto& out = in.scratch();
    append_trimmed(out, with[0].as_text());
    in.charge(with[0].as_text().size() / 64);
    return in.text(out);
}

value run_contains(evaluator& in, arguments with) {
    if (!with[0].exists() || !with[1].exists()) return {};
    in.charge(with[0].as_text().size() / 64);
    return value::boolean(find_text(with[0].as_text(), with[1].as_text(), 0) != std::string_view::npos);
}

value run_split(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (!with[1].exists()) return in.fail("`$split` needs the separator as value 2, and it is missing");
    double limit = with[2].exists() ? with[2].as_number() : std::numeric_limits<double>::infinity();
    if (limit < 0) return in.fail("`$split` takes a limit that is not negative");
    limit = limit > 0 && limit < 1 ? 0 : std::floor(limit); // JavaScript cuts the fraction off
    auto* parts = make_array(in.memory(), false);
    const auto text = with[0].as_text();
    const auto separator = with[1].as_text();
    std::size_t from = 0;
    while (parts->count < limit && in.charge(1 + separator.size() / 64)) {
        std::size_t at = 0;
        if (separator.empty()) {
            if (from >= text.size()) break;
            at = from;
            if (next_code_point(text, at) > 0xFFFF)
                return in.fail("`$split` with an empty separator would tear a character apart");
        } else {
            at = find_text(text, separator, from);
        }
        parts->push(in.memory(), value::text(text.substr(from, at == std::string_view::npos ? at : at - from)));
        if (at == std::string_view::npos) break;
        from = at + separator.size();
    }
    in.charge(text.size() / 64);
    return value::array(parts);
}

value run_join(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    auto& out = in.scratch();
    const auto separator = with[1].exists() ? with[1].as_text() : std::string_view{};
    bool first = true;
    for_items(with[0], [&](const value& part) {
        if (!first) out.append(separator);
        first = false;
        out.append(part.as_text());
        return in.charge(1 + (separator.size() + part.as_text().size()) / 64);
    });
    return in.text(out);
}

value run_replace(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (!with[1].exists() || !with[2].exists())
        return in.fail("`$replace` needs what to replace and by what, and one of them is missing");
    const auto text = with[0].as_text();
    const auto pattern = with[1].as_text();
    if (pattern.empty()) return in.fail("`$replace` needs a text to replace that is not empty");
    const double limit = with[3].exists() ? with[3].as_number() : std::numeric_limits<double>::infinity();
    if (limit < 0) return in.fail("`$replace` takes a limit that is not negative");
    auto& out = in.scratch();
    std::size_t from = 0;
    for (double count = 0; count < limit && in.charge(1 + with[2].as_text().size() / 64); ++count) {
        const auto at = find_text(text, pattern, from);
        if (at == std::string_view::npos) break;
        out.append(text, from, at - from);
        out.append(with[2].as_text());
        from = at + pattern.size();
        if (out.size() > 64 * 1024 * 1024) return in.fail("`$replace` makes too much text");
    }
    out.append(text, from);
    in.charge(out.size() / 64);
    return in.text(out);
}

value run_base64encode(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    auto& out = in.scratch();
    in.charge(with[0].as_text().size() / 16);
    if (!append_base64(out, with[0].as_text()))
        return in.fail("`$base64encode` takes characters up to U+00FF (bytes) only");
    return in.text(out);
}

value run_base64decode(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    auto& out = in.scratch();
    in.charge(with[0].as_text().size() / 16);
    if (!append_base64_decoded(out, with[0].as_text()))
        return in.fail("`$base64decode` takes Base64, and the text is none");
    return in.text(out);
}

value run_hex(evaluator& in, arguments with) {
    static constexpr char digits[] = "0123456789abcdef";
    if (!with[0].exists()) return {};
    auto& out = in.scratch();
    if (with[0].is(kind::text)) {
        in.charge(with[0].as_text().size() / 16);
        for (const char c : with[0].as_text()) {
            out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
            out.push_back(digits[c & 15]);
        }
        return in.text(out);
    }
    const double number = with[0].as_number();
    if (number < 0 || number != std::floor(number) || number > 9007199254740991.0)
        return in.fail("`$hex` takes a whole number from 0 to 9007199254740991");
    auto left = static_cast<std::uint64_t>(number);
    do out.insert(out.begin(), digits[left & 15]);
    while ((left >>= 4) != 0);
    return in.text(out);
}

// ---- numbers ----

value run_number(evaluator& in, arguments with) {
    if (!with[0].exists() || with[0].is(kind::number)) return with[0];
    if (with[0].is(kind::boolean)) return value::number(with[0].as_boolean() ? 1 : 0);
    if (const auto number = parse_number(with[0].as_text())) return value::number(*number);
    return in.fail("`$number` cannot make a number of the text \"" + std::string(with[0].as_text().substr(0, 40)) +
                   "\"");
}

value run_round(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    const double precision = with[1].exists() ? with[1].as_number() : 0;
    if (precision != std::trunc(precision) || std::fabs(precision) > 400)
        return in.fail("`$round` takes a whole number of decimal places");
    return number_or_fail(in, round_half_even(with[0].as_number(), static_cast<int>(precision)));
}
value run_floor(evaluator&, arguments with) {
    return with[0].exists() ? value::number(std::floor(with[0].as_number())) : value{};
}
value run_ceil(evaluator&, arguments with) {
    return with[0].exists() ? value::number(std::ceil(with[0].as_number())) : value{};
}
value run_abs(evaluator&, arguments with) {
    return with[0].exists() ? value::number(std::fabs(with[0].as_number())) : value{};
}
value run_sqrt(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (with[0].as_number() < 0) return in.fail("`$sqrt` takes a number that is not negative");
    return value::number(std::sqrt(with[0].as_number()));
}
value run_power(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    if (!with[1].exists()) return in.fail("`$power` needs the exponent as value 2, and it is missing");
    return number_or_fail(in, std::pow(with[0].as_number(), with[1].as_number()));
}

value run_sum(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    double total = 0;
    for_items(with[0], [&](const value& one) {
        total += one.as_number();
        return true;
    });
    return number_or_fail(in, total);
}
value run_count(evaluator&, arguments with) { return value::number(static_cast<double>(with[0].size())); }
value extreme(const value& list, bool largest) {
    value found;
    for_items(list, [&](const value& one) {
        if (!found.exists() || (largest ? one.as_number() > found.as_number() : one.as_number() < found.as_number()))
            found = one;
        return true;
    });
    return found;
}
value run_max(evaluator&, arguments with) { return extreme(with[0], true); }
value run_min(evaluator&, arguments with) { return extreme(with[0], false); }
value run_average(evaluator& in, arguments with) {
    if (!with[0].exists() || with[0].size() == 0) return {};
    const value total = run_sum(in, with);
    return total.exists() ? value::number(total.as_number() / static_cast<double>(with[0].size())) : value{};
}

// ---- truth and kinds ----

value run_boolean(evaluator&, arguments with) { return with[0].exists() ? value::boolean(truth(with[0])) : value{}; }
value run_not(evaluator&, arguments with) { return with[0].exists() ? value::boolean(!truth(with[0])) : value{}; }
value run_exists(evaluator&, arguments with) { return value::boolean(with[0].exists()); }
value run_type(evaluator&, arguments with) {
    static constexpr std::array<std::string_view, 7> names{"",       "null",  "boolean", "number",
                                                           "string", "array", "object"};
    return with[0].exists() ? value::text(names[static_cast<std::size_t>(with[0].type())]) : value{};
}

// ---- lists and objects ----

value run_append(evaluator& in, arguments with) {
    if (!with[0].exists()) return with[1];
    if (!with[1].exists()) return with[0];
    auto* joined = make_array(in.memory(), false);
    for (const auto& part : with) {
        if (!part.is(kind::array)) {
            joined->push(in.memory(), part);
            continue;
        }
        for_items(part, [&](const value& one) {
            joined->push(in.memory(), one);
            return in.charge(1);
        });
    }
    return value::array(joined);
}

value run_merge(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    auto* merged = make_object(in.memory());
    for_items(with[0], [&](const value& one) {
        for (const auto& each : ordered_members(one)) {
            if (!in.charge(1 + merged->count / 8)) return false;
            merged->set(in.memory(), each.name, each.of);
        }
        return true;
    });
    return value::object(merged);
}

void add_keys(evaluator& in, const value& of, object_node& names) {
    if (of.is(kind::array))
        for_items(of, [&](const value& one) {
            add_keys(in, one, names);
            return !in.failed();
        });
    for (const auto& one : ordered_members(of)) {
        if (!in.charge(1 + names.count / 8)) return;
        names.set(in.memory(), one.name, value::boolean(true));
    }
}

value run_keys(evaluator& in, arguments with) {
    auto* names = make_object(in.memory());
    add_keys(in, with[0], *names);
    auto* keys = make_array(in.memory(), true);
    for (const auto& one : ordered_members(value::object(names))) keys->push(in.memory(), value::text(one.name));
    return value::array(keys);
}

value run_lookup(evaluator& in, arguments with) {
    if (!with[1].exists()) return in.fail("`$lookup` needs the name as value 2, and it is missing");
    return lookup(in, with[0], with[1].as_text());
}

// ---- time ----

value run_now(evaluator& in, arguments) { return in.text(core::iso_time(in.now_ms())); }
value run_millis(evaluator& in, arguments) { return value::number(static_cast<double>(in.now_ms())); }
value run_from_millis(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    const double ms = with[0].as_number();
    if (ms < -62'135'596'800'000.0 || ms > iso_years_ms_max)
        return in.fail("`$fromMillis` takes milliseconds since 1970, in the years 1 to 9999");
    return in.text(core::iso_time(static_cast<std::int64_t>(std::trunc(ms))));
}
value run_to_millis(evaluator& in, arguments with) {
    if (!with[0].exists()) return {};
    const auto ms = parse_iso_time(with[0].as_text());
    if (!ms)
        return in.fail("`$toMillis` takes a time such as 2026-02-03T10:15:30.000Z, not \"" +
                       std::string(with[0].as_text().substr(0, 40)) + "\"");
    return value::number(static_cast<double>(*ms));
}

constexpr std::array<function_entry, 39> table{{
    {"string", "x", 1, true, kind::text, run_string},
    {"number", "v", 1, true, kind::number, run_number},
    {"boolean", "x", 1, true, kind::boolean, run_boolean},
    {"not", "x", 1, true, kind::boolean, run_not},
    {"exists", "x", 1, false, kind::boolean, run_exists},
    {"length", "s", 1, true, kind::number, run_length},
    {"substring", "snn", 2, false, kind::text, run_substring},
    {"substringBefore", "ss", 2, false, kind::text, run_before},
    {"substringAfter", "ss", 2, false, kind::text, run_after},
    {"uppercase", "s", 1, true, kind::text, run_uppercase},
    {"lowercase", "s", 1, true, kind::text, run_lowercase},
    {"trim", "s", 1, true, kind::text, run_trim},
    {"contains", "ss", 2, false, kind::boolean, run_contains},
    {"split", "ssn", 2, false, kind::array, run_split},
    {"join", "Ss", 1, false, kind::text, run_join},
    {"replace", "sssn", 3, false, kind::text, run_replace},
    {"count", "a", 1, false, kind::number, run_count},
    {"sum", "N", 1, false, kind::number, run_sum},
    {"max", "N", 1, false, kind::number, run_max},
    {"min", "N", 1, false, kind::number, run_min},
    {"average", "N", 1, false, kind::number, run_average},
    {"round", "nn", 1, false, kind::number, run_round},
    {"floor", "n", 1, true, kind::number, run_floor},
    {"ceil", "n", 1, true, kind::number, run_ceil},
    {"abs", "n", 1, true, kind::number, run_abs},
    {"power", "nn", 2, false, kind::number, run_power},
    {"sqrt", "n", 1, true, kind::number, run_sqrt},
    {"now", "", 0, false, kind::text, run_now},
    {"millis", "", 0, false, kind::number, run_millis},
    {"fromMillis", "n", 1, true, kind::text, run_from_millis},
    {"toMillis", "s", 1, true, kind::number, run_to_millis},
    {"append", "xx", 2, false, kind::nothing, run_append},
    {"merge", "O", 1, false, kind::object, run_merge},
    {"keys", "x", 1, true, kind::nothing, run_keys},
    {"lookup", "xs", 2, false, kind::nothing, run_lookup},
    {"type", "x", 1, false, kind::text, run_type},
    {"base64encode", "s", 1, true, kind::text, run_base64encode},
    {"base64decode", "s", 1, true, kind::text, run_base64decode},
    {"hex", "h", 1, false, kind::text, run_hex},
}};
constexpr std::size_t table_size = table.size();

} // namespace

std::span<const function_entry> function_table() noexcept { return table; }

int find_function(std::string_view name) noexcept {
    for (std::size_t i = 0; i < table_size; ++i)
        if (table[i].name == name) return static_cast<int>(i);
    return -1;
}

std::vector<std::string> function_names() {
    std::vector<std::string> names;
    for (const auto& one : function_table()) names.emplace_back(one.name);
    return names;
}

bool accepts(char argument, kind of) noexcept {
    if (of == kind::nothing) return true;
    switch (argument) {
    case 'n': return of == kind::number;
    case 's': return of == kind::text;
    case 'b': return of == kind::boolean;
    case 'o': return of == kind::object;
    case 'v': return of == kind::number || of == kind::text || of == kind::boolean;
    case 'h': return of == kind::number || of == kind::text;
    case 'N': return of == kind::number || of == kind::array;
    case 'S': return of == kind::text || of == kind::array;
    case 'O': return of == kind::object || of == kind::array;
    default: return true;
    }
}

std::string_view argument_name(char argument) noexcept {
    switch (argument) {
    case 'n': return "a number";
    case 's': return "text";
    case 'b': return "true or false";
    case 'o': return "an object";
    case 'v': return "text, a number, true or false";
    case 'h': return "text or a number";
    case 'N': return "a list of numbers";
    case 'S': return "a list of texts";
    case 'O': return "a list of objects";
    default: return "a value";
    }
}

} // namespace mapper::expression
