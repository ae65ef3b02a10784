// The section `auth` of broker.yaml and messaging.yaml: which provider tells who may come in, and how the platform is
// asked. Every key with its default here and in deploy/config.
#pragma once

#include "common/auth/throttle.hpp"
#include "common/platform/platform_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace core {
class config_node;
}

namespace auth {

enum class provider_kind : std::uint8_t { file, platform };

struct platform_settings {
    std::string url = "http://127.0.0.1:8111";
    std::string ca_file;
    std::chrono::milliseconds timeout{5'000};
    std::chrono::milliseconds lifetime{300'000};
    std::chrono::milliseconds negative_lifetime{5'000};
    std::chrono::milliseconds stale_lifetime{86'400'000};
    std::uint32_t concurrent_max = 16;
    std::uint32_t waiting_max = 1000;
    std::uint32_t failures_max = 5;
    std::chrono::milliseconds pause{10'000};
    std::chrono::milliseconds certificates_refresh{60'000};
    std::vector<platform::credentials> service_users; ///< one per tenant, to read its trusted certificates
    platform::credentials bootstrap;                  ///< or the platform makes them; tenant empty: it does not

    bool operator==(const platform_settings&) const = default;
};

/// Whether trusted certificates can be asked for at all.
inline bool has_service_users(const platform_settings& of) {
    return !of.service_users.empty() || !of.bootstrap.tenant.empty();
}

struct auth_settings {
    provider_kind provider = provider_kind::file;
    std::string file; ///< tenants.yaml
    platform_settings platform;
    throttle_limits throttle;
};

/// Reads `provider`, `file`, `platform` and `throttle` of the section and marks them known; finishing the node is the
/// caller's. `with_certificates`: also the keys that concern client certificates. Environment (ref E.3): C8Y_BASEURL
/// goes before `url`; C8Y_TENANT, C8Y_USER and C8Y_PASSWORD together before `service_users`; C8Y_BOOTSTRAP_TENANT,
/// _USER and _PASSWORD together before `bootstrap`.
void read_auth_settings(core::config_node& node, auth_settings& into, bool with_certificates);
/// As YAML, the keys of the section each on a line that begins with two blanks; secrets masked.
std::string describe(const auth_settings& effective, bool with_certificates);

} // namespace auth
