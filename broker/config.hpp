// mqtt-broker's settings: one YAML file, every key with its default here and in deploy/config/broker.yaml.
#pragma once

#include "broker/edge/connection.hpp"
#include "broker/tenant/settings.hpp"
#include "common/auth/auth_settings.hpp"
#include "common/core/log.hpp"
#include "common/net/tls_context.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace broker {

/// A port is on when its section stands in the file, unless that says `enabled: false`.
struct listen_config {
    bool enabled = false;
    std::string address = "0.0.0.0";
    std::uint16_t port = 0;

    bool operator==(const listen_config&) const = default;
};

struct config {
    config() { logins.file = "tenants.yaml"; }

    std::string file; ///< where it was read from
    core::log::level log_level = core::log::level::info;
    listen_config plain{false, "0.0.0.0", 2883};
    listen_config tls{false, "0.0.0.0", 9883};
    net::tls_server_options tls_options;
    std::string ops_address = "0.0.0.0";
    std::uint16_t ops_port = 8081;
    std::string ops_token_file; ///< empty: nobody sees all tenants
    std::string messaging_url = "ws://127.0.0.1:8082";
    std::string secret_file; ///< one of the two
    std::string token_file;
    std::string ca_file;
    auth::auth_settings logins;
    std::chrono::milliseconds reload_interval{1'000}; ///< 0: on SIGHUP only
    tenant::tenant_defaults tenants;                  ///< of tenants about which nothing is said
    edge::edge_limits limits;
};

/// Reads and checks the whole file; false with all complaints, one a line. Environment: SERVER_PORT (ref E.3) is the
/// ops port, the one HTTP port of a microservice.
bool load(const std::string& path, config& into, std::string& complaints);
/// The settings in force as YAML, secrets masked.
std::string describe(const config& effective);
/// The keys whose values differ and that only a restart can change, separated by commas.
std::string fixed_differences(const config& running, const config& fresh);

} // namespace broker
