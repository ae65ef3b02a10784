// mqtt-load: drives an MQTT broker from one thread and verifies everything it gets back. See tests/bench/README.md.
#include "tests/bench/load/modes.hpp"

#include <csignal>
#include <cstdio>

int main(int count, char** arguments) {
    // TLS writes have no flag against it; a closed connection must be a result, not a signal.
    std::signal(SIGPIPE, SIG_IGN);
    const auto given = bench::parse_options(count, arguments);
    if (given.help) {
        std::fputs(bench::usage(), stdout);
        return 0;
    }
    if (!given.problem.empty()) {
        std::fprintf(stderr, "mqtt-load: %s\n%s", given.problem.c_str(), bench::usage());
        return 2;
    }
    switch (given.value.mode) {
    case bench::run_mode::idle: return bench::run_idle(given.value);
    case bench::run_mode::checker: return bench::run_checker(given.value);
    case bench::run_mode::sink: return bench::run_sink(given.value);
    case bench::run_mode::connects: return bench::run_connects(given.value);
    case bench::run_mode::storm: return bench::run_storm(given.value);
    case bench::run_mode::neighbour: return bench::run_neighbour(given.value);
    case bench::run_mode::load: break;
    }
    return bench::run_load(given.value);
}
