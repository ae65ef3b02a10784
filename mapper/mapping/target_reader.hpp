// The entries of `to:`: measurement, event, alarm, inventory; checked against what the platform takes (ref D.2, D.4 to
// D.6). Load time only.
#pragma once

#include "mapper/mapping/mapping.hpp"
#include "mapper/mapping/template_reader.hpp"

namespace mapper::mapping {

/// Reads one entry of `to:`; mistakes become complaints of the document.
target read_target(core::config_node entry, template_reader& reader, const expression::scope& names);

} // namespace mapper::mapping
