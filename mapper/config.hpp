// mqtt-mapper's settings: one YAML file, every key with its default here and in deploy/config/mapper.yaml.
#pragma once

#include "common/core/log.hpp"
#include "common/platform/platform_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mapper {

struct ops_config {
    std::string address = "0.0.0.0";
    std::uint16_t port = 8083;
};

struct messaging_config {
    std::string url = "ws://127.0.0.1:8082";
    std::string secret_file; ///< a link token is made from it …
    std::string token_file;  ///< … or read from here
    std::string ca_file;
};

struct platform_config {
    std::string url = "http://127.0.0.1:8111";
    std::string ca_file;
    std::vector<platform::credentials> tenants;
    std::chrono::milliseconds request_timeout{30'000};
    std::uint32_t requests_per_tenant = 8; ///< at a time, for messages
};

struct config {
    core::log::level log_level = core::log::level::info;
    ops_config ops;
    messaging_config messaging;
    platform_config platform;
    std::string mappings_directory = "./mappings";
};

/// Reads and checks the whole file; false with all complaints, one a line. Environment (ref E.3): SERVER_PORT,
/// C8Y_BASEURL; C8Y_TENANT, C8Y_USER and C8Y_PASSWORD together stand for the list of tenants.
bool load(const std::string& path, config& into, std::string& complaints);
/// The settings in force as YAML, secrets masked.
std::string describe(const config& effective);

} // namespace mapper
