// Metrics of logins: what the authenticator, the memory of credentials and the platform's part count. Read when they
// are asked for.
#pragma once

#include "broker/login/authenticator.hpp"
#include "common/auth/credential_cache.hpp"
#include "common/auth/platform_login.hpp"
#include "common/ops/metrics.hpp"

namespace broker {

/// All outlive the metrics; `platform` may be null.
void declare_login_metrics(ops::metrics& into, const login::authenticator& logins, const auth::credential_cache& cache,
                           const auth::platform_login* platform);

} // namespace broker
