// What evaluator.hpp declares about single values: truth, equality, lookup, and how they are written as text and JSON.
#include "common/core/json_writer.hpp"
#include "mapper/expression/evaluator.hpp"
#include "mapper/expression/number_format.hpp"

#include <cmath>

namespace mapper::expression {

namespace {

template <bool Rounded> void append_number_as(std::string& out, double number) {
    if (!std::isfinite(number))
        out.append("null");
    else if constexpr (Rounded)
        append_number_15(out, number);
    else
        append_number(out, number);
}

template <bool Rounded> void append_value(std::string& out, const value& of) {
    bool first = true;
    const auto comma = [&] {
        if (!first) out.push_back(',');
        first = false;
    };
    switch (of.type()) {
    case kind::nothing:
    case kind::null: out.append("null"); break;
    case kind::boolean: out.append(of.as_boolean() ? "true" : "false"); break;
    case kind::number: append_number_as<Rounded>(out, of.as_number()); break;
    case kind::text: core::append_json_string(out, of.as_text()); break;
    case kind::array:
        out.push_back('[');
        for_items(of, [&](const value& item) {
            comma();
            append_value<Rounded>(out, item);
            return true;
        });
        out.push_back(']');
        break;
    case kind::object:
        out.push_back('{');
        for (const auto& one : ordered_members(of)) {
            if (!one.of.exists()) continue;
            comma();
            core::append_json_string(out, one.name);
            out.push_back(':');
            append_value<Rounded>(out, one.of);
        }
        out.push_back('}');
        break;
    }
}

bool equal_lists(evaluator& in, const value& a, const value& b) {
    if (a.size() != b.size()) return false;
    std::vector<value> left;
    for_items(a, [&](const value& item) {
        left.push_back(item);
        return in.charge(1);
    });
    std::size_t index = 0;
    bool same = true;
    for_items(b, [&](const value& item) { return same = index < left.size() && deep_equal(in, left[index++], item); });
    return same;
}

} // namespace

bool truth(const value& of) {
    switch (of.type()) {
    case kind::nothing:
    case kind::null: return false;
    case kind::boolean: return of.as_boolean();
    case kind::number: return of.as_number() != 0;
    case kind::text: return !of.as_text().empty();
    case kind::object: return of.size() > 0;
    case kind::array: break;
    }
    bool any = false;
    for_items(of, [&](const value& item) { return !(any = truth(item)); });
    return any;
}

bool deep_equal(evaluator& in, const value& a, const value& b) {
    if (!in.charge(1) || a.type() != b.type()) return false;
    switch (a.type()) {
    case kind::nothing:
    case kind::null: return true;
    case kind::boolean: return a.as_boolean() == b.as_boolean();
    case kind::number: return a.as_number() == b.as_number();
    case kind::text: return a.as_text() == b.as_text();
    case kind::array: return equal_lists(in, a, b);
    case kind::object: break;
    }
    const auto left = ordered_members(a);
    if (left.size() != ordered_members(b).size()) return false;
    for (const auto& one : left) {
        if (!in.charge(left.size())) return false;
        const value other = b.field(one.name);
        if (!other.exists() || !deep_equal(in, one.of, other)) return false;
    }
    return true;
}

bool append_text(evaluator& in, std::string& out, const value& of) {
    if (of.is(kind::text))
        out.append(of.as_text());
    else
        append_value<true>(out, of);
    return in.charge(1);
}

void append_json(std::string& out, const value& of) { append_value<false>(out, of); }

value lookup(evaluator& in, const value& of, std::string_view name) {
    if (of.is(kind::object)) return of.field(name);
    if (!of.is(kind::array)) return {};
    auto* found = make_array(in.memory(), true);
    for_items(of, [&](const value& item) {
        const value one = lookup(in, item, name);
        if (one.is(kind::array)) {
            for_items(one, [&](const value& inner) {
                found->push(in.memory(), inner);
                return in.charge(1);
            });
        } else if (one.exists()) {
            found->push(in.memory(), one);
        }
        return in.charge(1);
    });
    return value::array(found);
}

} // namespace mapper::expression
