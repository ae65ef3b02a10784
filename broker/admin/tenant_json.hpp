// A tenant's settings in force as JSON, with the keys of tenants.yaml.
#pragma once

#include "broker/tenant/settings.hpp"
#include "common/core/json_writer.hpp"

namespace broker::admin {

/// Members `profile`, `switches` and `limits` of the object that is open.
void append_settings(core::json_writer& out, const tenant::tenant_settings& settings);

} // namespace broker::admin
