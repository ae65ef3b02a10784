// The checks of tests/clients/README.md, with Eclipse Paho C.
#pragma once

#include "tests/clients/paho_c/device.hpp"

namespace paho_c {

/// Runs all of the version in `given`, prints a line for each; the number of those that failed.
int run_checks(const settings& given);

/// The will of a client that will be killed.
message will_of(const settings& given);

/// Prints a line and hands it over at once.
void say(const std::string& line);

} // namespace paho_c
