// What holds for one tenant: its profile with the switches and limits that were set apart from it (design §3). Resolved
// from three layers: the profile, the process's defaults (broker.yaml), the tenant's own entry (tenants.yaml).
// Immutable once resolved; a connection keeps what it was accepted with.
#pragma once

#include "broker/session/settings.hpp"
#include "common/auth/tenant_options.hpp"

#include <cstdint>
#include <string>

namespace broker::tenant {

/// 0: no limit. Rates are per second where nothing else is said.
struct rate_limits {
    std::uint32_t connections = 0;
    std::uint32_t connect_rate = 0;
    std::uint32_t publish_rate = 0;
    std::uint32_t publish_rate_per_client = 0;
    std::uint32_t delivery_rate = 0;
    std::uint64_t throughput_bytes = 0;               ///< payload bytes, both directions
    std::uint32_t topic_creation_rate_per_client = 0; ///< topics a minute

    bool operator==(const rate_limits&) const = default;
};

struct tenant_settings {
    std::string profile = "preview";
    session::session_settings session;
    auth::isolation isolation = auth::isolation::tenant;
    bool certificate_names_client = false; ///< the certificate's common name must be the client ID (ref A.4)
    bool basic_authentication = true;
    rate_limits rates;
};

/// Defaults of the process for tenants about which nothing is said.
struct tenant_defaults {
    session::session_settings session; ///< its limits are the base of every profile
    auth::tenant_options options;
};

/// `own` may be null. A tenant that names a profile starts from that profile as it is: the process's own switches and
/// limits belong to the default one.
tenant_settings resolve(const tenant_defaults& defaults, const auth::tenant_options* own);

} // namespace broker::tenant
