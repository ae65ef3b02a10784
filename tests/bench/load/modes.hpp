// The modes of mqtt-load. Each runs to its end and returns the exit code:
// 0 all well; 1 something was lost, repeated, out of order or broken; 2 could not start.
#pragma once

#include "tests/bench/load/options.hpp"

namespace bench {

int run_load(const options& given);
int run_idle(const options& given);
int run_checker(const options& given);
int run_sink(const options& given);
int run_connects(const options& given);
int run_storm(const options& given);
int run_neighbour(const options& given);

} // namespace bench
