// mqtt-messaging's settings: one YAML file, every key with its default here and in deploy/config/messaging.yaml.
#pragma once

#include "common/auth/auth_settings.hpp"
#include "common/core/log.hpp"
#include "messaging/declared_subscriptions.hpp"
#include "messaging/store/commit_log.hpp"
#include "messaging/topic/limits.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace messaging {

struct listen_config {
    std::string address = "0.0.0.0";
    std::uint16_t port = 8082;
    std::string certificate; ///< PEM; with `key` the port speaks TLS
    std::string key;
    std::uint32_t connections_max = 10'000;
};

struct config {
    std::string path; ///< the file it came from
    core::log::level log_level = core::log::level::info;
    listen_config listen;
    std::string data_directory = "./data/messaging";
    store::log_options log;
    std::string link_secret_file = "./data/link-secret";
    auth::auth_settings logins;                       ///< provider file without a file: no tokens of the original's API
    std::chrono::milliseconds reload_interval{1'000}; ///< 0: users and certificates are read again on SIGHUP only
    topic::limits limits;
    std::string operator_tenant = "management"; ///< its administrators manage every tenant; empty: nobody does
    std::vector<declared_subscription> subscriptions;
};

/// Reads and checks the whole file; false with all complaints, one a line. Environment: SERVER_PORT (ref E.3).
bool load(const std::string& path, config& into, std::string& complaints);
/// The settings in force as YAML, secrets masked.
std::string describe(const config& effective);

} // namespace messaging
