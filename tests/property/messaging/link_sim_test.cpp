// The link simulation. LINK_SEED=n LINK_RUNS=1 repeats one run; seeds that ever failed stand in regression_seeds.txt.
#include "common/core/log.hpp"
#include "tests/property/messaging/link_sim.hpp"
#include "tests/property/messaging/seeds.hpp"

#include <catch2/catch.hpp>

TEST_CASE("link: over any network each publish is settled once, each will published once, no stream lost in silence",
          "[link][property]") {
    core::log::start("property", core::log::level::off);
    property::each_seed("LINK", 80, [](std::uint64_t seed) { return property::link_sim(seed).run(); });
}
