// Tokens to a tree, with JSONata's binding powers. What this version leaves out is refused with its column. Load time
// only.
#pragma once

#include "mapper/expression/tree.hpp"

#include <string_view>
#include <variant>

namespace mapper::expression {

inline constexpr std::size_t source_bytes_max = 16 * 1024;
inline constexpr std::uint32_t depth_max = 128;

std::variant<tree_ptr, complaint> parse(std::string_view source);

} // namespace mapper::expression
