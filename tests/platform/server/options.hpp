// The command line of platform-sim.
#pragma once

#include "tests/platform/routes/platform.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace platform_sim::server {

struct options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8111;
    bool verbose = false;
    bool help = false;
    routes::platform_settings platform;
};

struct parsed_options {
    options value;
    std::string problem; ///< empty: usable
};

/// `--name value` and `--name=value`. Without `--user` the demo's two users exist (t0815/admin, t0815/device1),
/// and always the bootstrap user.
parsed_options parse_options(const std::vector<std::string>& arguments);
std::string usage();

} // namespace platform_sim::server
