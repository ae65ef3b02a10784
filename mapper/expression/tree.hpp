// The expression as it was written: what the parser makes and the compiler reads. Load time only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mapper::expression {

enum class tree_kind {
    name,
    text,
    number,
    constant_true,
    constant_false,
    constant_null,
    variable,
    wildcard, ///< leaves
    binary,   ///< `word` is the operator, `.` included
    filter,   ///< left[right]
    negate,
    array,
    object, ///< key, value, key, value, …
    block,
    condition,
    coalesce,
    elvis,
    call, ///< `word` is the function's name
    bind  ///< `word` is the variable's name
};

struct tree {
    tree_kind kind;
    std::uint32_t column; ///< from 1, in bytes
    std::string word;
    double number = 0;
    bool keep_array = false; ///< followed by `[]`
    std::uint32_t depth = 1;
    std::vector<std::unique_ptr<tree>> kids;
};

using tree_ptr = std::unique_ptr<tree>;

/// What is wrong with an expression, at which column (from 1, in bytes) of it.
struct complaint {
    std::uint32_t column = 1;
    std::string message;
};

} // namespace mapper::expression
