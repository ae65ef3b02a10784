// `mqtt-broker clients list|disconnect`: asks the running program's ops port as its operator. For the shell, and for
// images that have nothing else in them.
#pragma once

#include "broker/config.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace broker {

struct clients_request {
    std::vector<std::string> words; ///< `clients list`, or `clients disconnect TENANT CLIENT`
    std::string tenant;             ///< only this one's
    std::string client;
};

/// Port and operator token are those of the settings. One client's JSON a line. Exit code: 0, 1 when refused or not
/// reachable, 2 for a wrong command. Blocks.
int run_clients_command(const clients_request& wanted, const config& settings, std::ostream& out, std::ostream& err);

} // namespace broker
