#include "mapper/expression/evaluator.hpp"

#include "mapper/expression/functions.hpp"
#include "mapper/expression/text.hpp"

#include <array>
#include <cmath>
#include <functional>

namespace mapper::expression {

namespace {

constexpr std::uint64_t steps_between_checks = 512;

bool is_sequence(const value& of) noexcept {
    const auto* made = of.made_array();
    return made != nullptr && made->sequence;
}

std::string_view sign_of(operation what) noexcept {
    switch (what) {
    case operation::add: return "+";
    case operation::subtract: return "-";
    case operation::multiply: return "*";
    case operation::divide: return "/";
    case operation::remainder: return "%";
    case operation::less: return "<";
    case operation::less_equal: return "<=";
    case operation::greater: return ">";
    default: return ">=";
    }
}

bool holds(operation what, double difference) noexcept {
    switch (what) {
    case operation::less: return difference < 0;
    case operation::less_equal: return difference <= 0;
    case operation::greater: return difference > 0;
    default: return difference >= 0;
    }
}

} // namespace

value collapse(const value& of) noexcept {
    const auto* made = of.made_array();
    if (made == nullptr || !made->sequence) return of;
    if (made->count == 0) return {};
    return made->count == 1 && !made->keep_singleton ? made->items[0] : of;
}

void evaluator::begin(std::int64_t now_ms) noexcept {
    arena_.reset();
    steps_ = 0;
    next_check_ = steps_between_checks;
    now_ms_ = now_ms;
}

bool evaluator::run(const program& what, std::span<const value> slots, const value& input, value& result) {
    program_ = &what;
    slots_ = slots;
    root_ = input;
    failed_ = false;
    column_ = 1;
    if (what.variables > 0) variables_.assign(what.variables, value{});
    result = eval(what.top, input);
    if (!failed_ && arena_.used() > limits_.bytes_max) charge(steps_between_checks);
    return !failed_;
}

value evaluator::fail(std::string message) {
    if (!failed_) failure_ = {std::move(message), column_};
    failed_ = true;
    return {};
}

bool evaluator::charge(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ < next_check_ && arena_.used() <= limits_.bytes_max) return !failed_;
    if (next_check_ == steps_between_checks) began_ = std::chrono::steady_clock::now();
    next_check_ = steps_ + steps_between_checks;
    if (steps_ > limits_.steps_max)
        fail("the mapping does too much work for one message (more than " + std::to_string(limits_.steps_max) +
             " steps)");
    else if (arena_.used() > limits_.bytes_max)
        fail("the mapping makes too much data of one message (more than " + std::to_string(limits_.bytes_max) +
             " bytes)");
    else if (std::chrono::steady_clock::now() - began_ > limits_.time_max)
        fail("the mapping takes too long for one message (more than " + std::to_string(limits_.time_max.count()) +
             " ms)");
    return !failed_;
}

value evaluator::eval(std::uint32_t id, const value& input) {
    const node& n = program_->nodes[id];
    if (!charge(1)) return {};
    if (n.what == operation::literal && n.filter_count == 0) return n.constant;
    if (n.what == operation::fields) return eval_fields(n, input);
    value result = eval_bare(n, input);
    if (failed_) return {};
    if (!n.filters_are_stages)
        for (std::uint32_t i = 0; i < n.filter_count && !failed_; ++i)
            result = eval_filter(program_->links[n.filter_first + i], result);
    if (n.keep_array && is_sequence(result)) result.made_array()->keep_singleton = true;
    return collapse(result);
}

value evaluator::eval_bare(const node& n, const value& input) {
    switch (n.what) {
    case operation::literal: return n.constant;
    case operation::context: return input;
    case operation::root: return root_;
    case operation::slot: return slots_[n.index];
    case operation::variable: return variables_[n.index];
    case operation::name: return lookup(*this, input, n.text);
    case operation::wildcard: return eval_wildcard(input);
    case operation::path: return eval_path(n, input);
    case operation::fields: return eval_fields(n, input);
    case operation::negate:
    case operation::add:
    case operation::subtract:
    case operation::multiply:
    case operation::divide:
    case operation::remainder: return eval_arithmetic(n, input);
    case operation::equal:
    case operation::not_equal:
    case operation::less:
    case operation::less_equal:
    case operation::greater:
    case operation::greater_equal: return eval_comparison(n, input);
    case operation::both:
    case operation::either: return eval_logic(n, input);
    case operation::concatenate: return eval_concatenate(n, input);
    case operation::within: return eval_within(n, input);
    case operation::condition:
    case operation::coalesce:
    case operation::elvis: return eval_choice(n, input);
    case operation::array: return eval_array(n, input);
    case operation::object: return eval_object(n, input);
    case operation::block: return eval_block(n, input);
    case operation::bind: return variables_[n.index] = eval(kid(n, 0), input);
    case operation::call: return eval_call(n, input);
    }
    return {};
}

value evaluator::eval_fields(const node& n, const value& input) {
    const node& first = program_->nodes[kid(n, 0)];
    value at = first.what == operation::slot ? slots_[first.index] : input;
    for (std::uint32_t i = first.what == operation::slot ? 1 : 0; i < n.count; ++i) {
        if (at.is(kind::array)) return eval(n.index, input);
        if (!at.is(kind::object)) return {};
        at = at.field(program_->nodes[kid(n, i)].text);
    }
    if (is_sequence(at)) return eval(n.index, input);
    return at;
}

value evaluator::eval_path(const node& n, const value& input) {
    value items = input;
    if (!input.is(kind::array) || n.absolute) {
        auto* one = make_array(arena_, true);
        one->push(arena_, input);
        items = value::array(one);
    }
    for (std::uint32_t i = 0; i < n.count && !failed_; ++i) {
        const auto id = kid(n, i);
        if (i == 0 && program_->nodes[id].constructed)
            items = eval(id, input);
        else
            items = eval_step(program_->nodes[id], id, items, i + 1 == n.count);
        if (!items.exists() || items.size() == 0) break;
    }
    if (n.keep_singleton && items.is(kind::array)) {
        auto* made = items.made_array();
        if (made != nullptr && made->constructed && !made->sequence) {
            auto* wrapped = make_array(arena_, true);
            wrapped->push(arena_, items);
            made = wrapped;
            items = value::array(wrapped);
        }
        if (made != nullptr) made->keep_singleton = true;
    }
    return items;
}

value evaluator::eval_step(const node& n, std::uint32_t id, const value& input, bool last) {
    auto* results = make_array(arena_, true);
    for_items(input, [&](const value& item) {
        value result = eval(id, item);
        if (n.filters_are_stages)
            for (std::uint32_t i = 0; i < n.filter_count && !failed_; ++i)
                result = eval_filter(program_->links[n.filter_first + i], result);
        if (result.exists()) results->push(arena_, result);
        return !failed_;
    });
    if (failed_) return {};
    if (last && results->count == 1 && results->items[0].is(kind::array) && !is_sequence(results->items[0]))
        return results->items[0];
    auto* flat = make_array(arena_, true);
    for (std::uint32_t i = 0; i < results->count && !failed_; ++i) append_flat(*flat, results->items[i]);
    return value::array(flat);
}

void evaluator::append_flat(array_node& to, const value& from) {
    const auto* made = from.made_array();
    if (!from.is(kind::array) || (made != nullptr && made->constructed)) {
        to.push(arena_, from);
        return;
    }
    for_items(from, [&](const value& item) {
        if (item.exists()) to.push(arena_, item);
        return charge(1);
    });
}

value evaluator::eval_filter(std::uint32_t predicate, const value& input) {
    const node& n = program_->nodes[predicate];
    auto* results = make_array(arena_, true);
    value items = input;
    if (!input.is(kind::array)) {
        auto* one = make_array(arena_, true);
        one->push(arena_, input);
        items = value::array(one);
    }
    const auto count = static_cast<double>(items.size());
    const auto place = [&](double index) {
        return std::floor(index) < 0 ? count + std::floor(index) : std::floor(index);
    };
    const bool fixed = n.what == operation::literal && n.constant.is(kind::number) && n.filter_count == 0;
    const double wanted = fixed ? place(n.constant.as_number()) : 0;
    double index = 0;
    value found;
    for_items(items, [&](const value& item) {
        if (fixed) {
            if (index == wanted) found = item;
            ++index;
            return charge(1) && !found.exists();
        }
        const value answer = eval(predicate, item);
        if (failed_) return false;
        bool numbers = answer.is(kind::array);
        if (numbers) for_items(answer, [&](const value& one) { return numbers = one.is(kind::number); });
        const auto select = [&](double at) {
            if (place(at) == index && item.exists()) results->push(arena_, item);
        };
        if (answer.is(kind::number))
            select(answer.as_number());
        else if (numbers)
            for_items(answer, [&](const value& one) {
                select(one.as_number());
                return charge(1);
            });
        else if (truth(answer) && item.exists())
            results->push(arena_, item);
        ++index;
        return !failed_;
    });
    if (found.is(kind::array)) return found;
    if (found.exists()) results->push(arena_, found);
    return value::array(results);
}

value evaluator::eval_arithmetic(const node& n, const value& input) {
    std::array<value, 2> sides;
    for (std::uint32_t i = 0; i < n.count; ++i) {
        sides[i] = eval(kid(n, i), input);
        if (failed_) return {};
    }
    column_ = n.column;
    const auto sign = n.what == operation::negate ? std::string_view("-") : sign_of(n.what);
    for (std::uint32_t i = 0; i < n.count; ++i)
        if (sides[i].exists() && !sides[i].is(kind::number))
            return fail("`" + std::string(sign) + "` needs numbers, but the value " +
                        (n.count == 1 ? ""
                         : i == 0     ? "before it "
                                      : "after it ") +
                        "is " + std::string(kind_name(sides[i].type())) +
                        (sides[i].is(kind::text) ? "; $number(…) makes a number of it" : ""));
    for (std::uint32_t i = 0; i < n.count; ++i)
        if (!sides[i].exists()) return {};
    const double a = sides[0].as_number();
    const double b = sides[1].is(kind::number) ? sides[1].as_number() : 0;
    double result = 0;
    switch (n.what) {
    case operation::negate: result = -a; break;
    case operation::add: result = a + b; break;
    case operation::subtract: result = a - b; break;
    case operation::multiply: result = a * b; break;
    case operation::divide: result = a / b; break;
    default: result = std::fmod(a, b); break;
    }
    if (std::isfinite(result)) return value::number(result);
    if (b == 0 && (n.what == operation::divide || n.what == operation::remainder)) return fail("division by zero");
    return fail("the result of `" + std::string(sign) + "` is too large for a number");
}

value evaluator::eval_comparison(const node& n, const value& input) {
    const value a = eval(kid(n, 0), input);
    const value b = failed_ ? value{} : eval(kid(n, 1), input);
    if (failed_) return {};
    column_ = n.column;
    if (n.what == operation::equal || n.what == operation::not_equal) {
        if (!a.exists() || !b.exists()) return value::boolean(false);
        const bool same = deep_equal(*this, a, b);
        return value::boolean(same == (n.what == operation::equal));
    }
    for (const auto& side : {a, b})
        if (side.exists() && !side.is(kind::number) && !side.is(kind::text))
            return fail("`" + std::string(sign_of(n.what)) + "` compares numbers or texts, not " +
                        std::string(kind_name(side.type())));
    if (!a.exists() || !b.exists()) return {};
    if (a.type() != b.type())
        return fail("`" + std::string(sign_of(n.what)) + "` cannot compare " + std::string(kind_name(a.type())) +
                    " with " + std::string(kind_name(b.type())));
    if (a.is(kind::text)) return value::boolean(holds(n.what, compare_utf16(a.as_text(), b.as_text())));
    const double x = a.as_number();
    const double y = b.as_number();
    return value::boolean(holds(n.what, x < y ? -1 : x > y ? 1 : 0));
}

value evaluator::eval_logic(const node& n, const value& input) {
    const bool left = truth(eval(kid(n, 0), input));
    if (failed_ || left == (n.what == operation::either)) return value::boolean(left);
    return value::boolean(truth(eval(kid(n, 1), input)));
}

value evaluator::eval_within(const node& n, const value& input) {
    const value item = eval(kid(n, 0), input);
    const value list = failed_ ? value{} : eval(kid(n, 1), input);
    if (!item.exists() || !list.exists()) return value::boolean(false);
    column_ = n.column;
    if (item.is(kind::array) || item.is(kind::object))
        return fail("`in` looks for a text, a number, true, false or null, not for " +
                    std::string(kind_name(item.type())));
    if (!list.is(kind::array)) return value::boolean(!list.is(kind::object) && deep_equal(*this, item, list));
    bool found = false;
    for_items(list, [&](const value& one) {
        found = one.type() == item.type() && deep_equal(*this, one, item);
        return !found && charge(1);
    });
    return value::boolean(found);
}

value evaluator::eval_concatenate(const node& n, const value& input) {
    const value a = eval(kid(n, 0), input);
    const value b = failed_ ? value{} : eval(kid(n, 1), input);
    if (failed_) return {};
    column_ = n.column;
    auto& out = scratch();
    if (a.exists() && !append_text(*this, out, a)) return {};
    if (b.exists() && !append_text(*this, out, b)) return {};
    charge(out.size() / 64);
    return text(out);
}

value evaluator::eval_wildcard(const value& input) {
    auto* results = make_array(arena_, true);
    const std::function<bool(const value&)> flatten = [&](const value& of) {
        if (of.is(kind::array))
            for_items(of, flatten);
        else
            results->push(arena_, of);
        return charge(1);
    };
    const auto take = [&](const value& of) {
        if (of.is(kind::array)) results->sequence = false;
        return flatten(of);
    };
    if (input.is(kind::array)) for_items(input, take);
    for (const auto& one : ordered_members(input))
        if (!take(one.of)) break;
    return value::array(results);
}

value evaluator::eval_array(const node& n, const value& input) {
    auto* made = make_array(arena_, false);
    made->constructed = n.constructed;
    for (std::uint32_t i = 0; i < n.count; ++i) {
        const auto id = kid(n, i);
        const value item = eval(id, input);
        if (failed_) return {};
        if (!item.exists()) continue;
        if (program_->nodes[id].what == operation::array || !item.is(kind::array)) {
            made->push(arena_, item);
        } else {
            for_items(item, [&](const value& one) {
                made->push(arena_, one);
                return charge(1);
            });
        }
    }
    return value::array(made);
}

value evaluator::eval_object(const node& n, const value& input) {
    column_ = n.column;
    if (input.is(kind::array))
        return fail("an object cannot be made of a list at once; write a path to the list's items before it");
    auto* made = make_object(arena_);
    std::vector<value> keys;
    for (std::uint32_t i = 0; i < n.count; i += 2) {
        keys.push_back(eval(kid(n, i), input));
        if (failed_) return {};
        column_ = n.column;
        if (keys.back().exists() && !keys.back().is(kind::text))
            return fail("the name of a member must be text, not " + std::string(kind_name(keys.back().type())));
        for (std::size_t k = 0; keys.back().exists() && k + 1 < keys.size(); ++k)
            if (keys[k].exists() && keys[k].as_text() == keys.back().as_text())
                return fail("the object gets the member \"" + std::string(keys[k].as_text()) + "\" twice");
        if (!charge(i)) return {};
    }
    for (std::uint32_t i = 0; i < n.count; i += 2) {
        if (!keys[i / 2].exists()) continue;
        const value of = eval(kid(n, i + 1), input);
        if (failed_) return {};
        if (of.exists()) made->append(arena_, keys[i / 2].as_text(), of);
    }
    return value::object(made);
}

value evaluator::eval_choice(const node& n, const value& input) {
    const value first = eval(kid(n, 0), input);
    if (failed_) return {};
    if (n.what == operation::coalesce) return first.exists() ? first : eval(kid(n, 1), input);
    if (n.what == operation::elvis) return truth(first) ? first : eval(kid(n, 1), input);
    if (truth(first)) return eval(kid(n, 1), input);
    return n.count > 2 ? eval(kid(n, 2), input) : value{};
}

value evaluator::eval_block(const node& n, const value& input) {
    for (std::uint32_t i = 0; i < n.count; ++i)
        if (const node& one = program_->nodes[kid(n, i)]; one.what == operation::bind) variables_[one.index] = {};
    value result;
    for (std::uint32_t i = 0; i < n.count && !failed_; ++i) result = eval(kid(n, i), input);
    return result;
}

bool evaluator::check_argument(const node& n, std::size_t index, char wants, value& argument) {
    if (!argument.exists()) return true;
    if (!accepts(wants, argument.type())) {
        fail("`$" + std::string(function_table()[n.function].name) + "` takes " + std::string(argument_name(wants)) +
             (function_table()[n.function].arguments.size() > 1 ? " as value " + std::to_string(index + 1) : "") +
             ", not " + std::string(kind_name(argument.type())));
        return false;
    }
    const kind item = wants == 'N' ? kind::number : wants == 'S' ? kind::text : kind::object;
    if (wants != 'N' && wants != 'S' && wants != 'O' && wants != 'a') return true;
    if (!argument.is(kind::array)) {
        auto* one = make_array(arena_, false);
        one->push(arena_, argument);
        argument = value::array(one);
    }
    if (wants == 'a') return true;
    for_items(argument, [&](const value& one) {
        if (!one.is(item))
            fail("`$" + std::string(function_table()[n.function].name) + "` takes " +
                 std::string(argument_name(wants)) + ", but the list holds " + std::string(kind_name(one.type())));
        return charge(1);
    });
    return !failed_;
}

value evaluator::eval_call(const node& n, const value& input) {
    std::array<value, 4> arguments;
    for (std::uint32_t i = 0; i < n.count; ++i) {
        arguments[i] = eval(kid(n, i), input);
        if (failed_) return {};
    }
    column_ = n.column;
    const auto& function = function_table()[n.function];
    for (std::uint32_t i = 0; i < n.count; ++i)
        if (!check_argument(n, i, function.arguments[i], arguments[i])) return {};
    const value result = function.run(*this, std::span(arguments.data(), function.arguments.size()));
    return failed_ ? value{} : result;
}

} // namespace mapper::expression
