// Text to program: parse, resolve every name against the scope, check functions, argument counts and impossible types.
// Load time only.
#pragma once

#include "mapper/expression/program.hpp"

#include <memory>
#include <string_view>
#include <variant>

namespace mapper::expression {

using program_ptr = std::shared_ptr<const program>;

/// A program, or the first mistake with its column (from 1) and a suggestion where one is near.
std::variant<program_ptr, complaint> compile(std::string_view source, const scope& names);

} // namespace mapper::expression
