// The entries of `tests:`: what comes in and what must come out, as JSON text. Load time only.
#pragma once

#include "common/core/config_node.hpp"
#include "mapper/mapping/mapping.hpp"

namespace mapper::mapping {

test_case read_test(core::config_node entry, bool outbound);
/// A YAML value as JSON; plain scalars are typed as in the rest of the file.
std::string yaml_to_json(core::config_node node);

} // namespace mapper::mapping
