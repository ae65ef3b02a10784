// YAML text to a mapping. Every mistake is gathered with line, column, key path and a hint; a file with one is refused.
// Load time only.
#pragma once

#include "common/core/config_node.hpp"
#include "mapper/mapping/mapping.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mapper::mapping {

struct loaded {
    mapping_ptr made; ///< empty when there are complaints
    std::vector<core::complaint> complaints;
};

loaded load_mapping(std::string_view text, std::string file, std::string tenant);
/// Reads the file first.
loaded load_mapping_file(const std::string& path, std::string tenant);

} // namespace mapper::mapping
