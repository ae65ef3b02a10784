// The built-in functions: names, arguments and meaning as in JSONata's library, plus $hex. One table, read by the
// compiler (arity, impossible types) and called by the evaluator.
#pragma once

#include "mapper/expression/value.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mapper::expression {

class evaluator;

struct function_entry {
    std::string_view name;
    /// One letter per argument: n number, s text, b true/false, x anything, o object, a list of anything, N list of
    /// numbers, S list of texts, O list of objects, v number, text or true/false, h text or number.
    std::string_view arguments;
    std::uint8_t least;
    bool context; ///< without argument it takes the context value
    kind gives;   ///< `nothing`: depends
    value (*run)(evaluator& in, std::span<value> with);
};

std::span<const function_entry> function_table() noexcept;
/// The table's index, or -1.
int find_function(std::string_view name) noexcept;
std::vector<std::string> function_names();
/// True when a value of this kind can be the argument; lists of one and `nothing` always can.
bool accepts(char argument, kind of) noexcept;
/// "a number", "text", … as the argument's letter asks for.
std::string_view argument_name(char argument) noexcept;

} // namespace mapper::expression
