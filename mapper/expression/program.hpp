// A compiled expression: a flat list of nodes that refer to each other by number, closed over the names of its scope.
// Immutable after compile(); evaluated by `evaluator` any number of times. One thread per evaluation, not per program.
#pragma once

#include "mapper/expression/tree.hpp"
#include "mapper/expression/value.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace mapper::expression {

enum class operation : std::uint8_t {
    literal,
    context,
    root,
    slot,
    variable,
    name,
    wildcard,
    path,
    fields, ///< slot or context, then names: the short way while everything on it is an object
    negate,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    both,
    either,
    concatenate,
    within,
    condition,
    coalesce,
    elvis,
    array,
    object,
    block,
    bind,
    call
};

struct node {
    operation what = operation::literal;
    std::uint8_t function = 0;       ///< index into the function table
    bool keep_array = false;         ///< `[]` behind it
    bool keep_singleton = false;     ///< of a path: one of its steps has `[]`
    bool constructed = false;        ///< an array constructor that is first or last step of a path
    bool absolute = false;           ///< of a path: begins with a variable, so the context is not iterated
    bool filters_are_stages = false; ///< filters apply to the step's collapsed result
    std::uint32_t column = 1;
    std::uint32_t index = 0; ///< of slot or variable; of `fields`: the node of the general path
    std::uint32_t first = 0; ///< kids, as a range of `links`
    std::uint32_t count = 0;
    std::uint32_t filter_first = 0;
    std::uint32_t filter_count = 0;
    value constant;
    std::string_view text; ///< of name
};

struct program {
    std::vector<node> nodes;
    std::vector<std::uint32_t> links;
    std::deque<std::string> texts; ///< what the views in `nodes` refer to
    std::uint32_t top = 0;
    std::uint32_t variables = 0;
    std::vector<bool> slots_used;
};

/// What bare names mean at the outermost level, e.g. {payload, topic, site, room}.
struct scope {
    std::vector<std::string> names; ///< name i is slot i of an evaluation
    /// No fixed names: names are members of the input document (used to compare with the reference).
    bool open = false;
};

} // namespace mapper::expression
