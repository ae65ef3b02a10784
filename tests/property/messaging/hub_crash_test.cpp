// The hub campaign: random operations against an oracle, with every fault of a disk. HUB_SEED=n HUB_RUNS=1 repeats one
// run; seeds that ever failed stand in regression_seeds.txt and come first.
#include "common/core/log.hpp"
#include "tests/property/messaging/hub_run.hpp"
#include "tests/property/messaging/seeds.hpp"

#include <catch2/catch.hpp>

TEST_CASE("hub: no fault loses, reorders, changes or brings back a message", "[hub][property]") {
    core::log::start("property", core::log::level::off);
    property::each_seed("HUB", 1'000, [](std::uint64_t seed) { return property::hub_run(seed, false).run(); });
}

TEST_CASE("hub: damage is reported and never delivered", "[hub][property]") {
    core::log::start("property", core::log::level::off);
    property::each_seed("FLIP", 200, [](std::uint64_t seed) { return property::hub_run(seed, true).run(); });
}
