#include "common/async/backoff.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("backoff: doubles up to the cap and starts over after a reset", "[async]") {
    async::backoff delays(100ms, 1000ms, [] { return 1.0 - 1e-12; });
    // Just below the full delay; whole milliseconds are cut.
    for (const auto expected : {99ms, 199ms, 399ms, 799ms, 999ms, 999ms}) CHECK(delays.next() == expected);
    CHECK(delays.attempts() == 6);
    delays.reset();
    CHECK(delays.attempts() == 0);
    CHECK(delays.next() == 99ms);
}

TEST_CASE("backoff: jitter takes at most half of the delay", "[async]") {
    async::backoff least(100ms, 1000ms, [] { return 0.0; });
    CHECK(least.next() == 50ms);
    CHECK(least.next() == 100ms);
    async::backoff usual(100ms, 1000ms);
    for (int i = 0; i < 1000; ++i) {
        usual.reset();
        const auto delay = usual.next();
        CHECK(delay >= 50ms);
        CHECK(delay <= 100ms);
    }
}

TEST_CASE("backoff: is never zero and never overflows", "[async]") {
    async::backoff tiny(0ms, 0ms, [] { return 0.0; });
    CHECK(tiny.next() >= 1ms);
    async::backoff huge(1ms, std::chrono::hours(24 * 365), [] { return 0.0; });
    for (int i = 0; i < 200; ++i) CHECK(huge.next() > 0ms);
}
