#include "common/platform/circuit_breaker.hpp"

#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

namespace {

struct fixture {
    support::manual_clock clock;
    platform::circuit_breaker breaker{clock, {3, 10s, 60s}};
};

} // namespace

TEST_CASE_METHOD(fixture, "circuit breaker: failures in a row open it, others do not") {
    for (int i = 0; i < 5; ++i) {
        breaker.failed();
        breaker.failed();
        CHECK(breaker.allow());
        breaker.succeeded();
    }
    for (int i = 0; i < 3; ++i) breaker.failed();
    CHECK(breaker.open());
    CHECK_FALSE(breaker.allow());
    CHECK(breaker.openings() == 1);
}

TEST_CASE_METHOD(fixture, "circuit breaker: after a pause one trial decides") {
    for (int i = 0; i < 3; ++i) breaker.failed();
    clock.advance(10s - 1ms);
    CHECK_FALSE(breaker.allow());
    clock.advance(1ms);
    CHECK(breaker.allow());
    CHECK_FALSE(breaker.allow()); // one
    breaker.failed();
    clock.advance(10s - 1ms);
    CHECK_FALSE(breaker.allow());
    clock.advance(1ms);
    CHECK(breaker.allow());
    breaker.succeeded();
    CHECK_FALSE(breaker.open());
    CHECK(breaker.allow());
    CHECK(breaker.allow());
    breaker.failed(); // counting begins anew
    CHECK(breaker.allow());
    CHECK(breaker.openings() == 1);
}

TEST_CASE_METHOD(fixture, "circuit breaker: the answer to an older request does not close it") {
    CHECK(breaker.allow());
    CHECK(breaker.allow());
    breaker.throttled(20s);
    breaker.succeeded();
    CHECK(breaker.open());
    clock.advance(20s);
    CHECK(breaker.allow());
    breaker.succeeded();
    CHECK_FALSE(breaker.open());
}

TEST_CASE_METHOD(fixture, "circuit breaker: a trial nobody tells of is followed by another") {
    for (int i = 0; i < 3; ++i) breaker.failed();
    clock.advance(10s);
    CHECK(breaker.allow());
    clock.advance(10s);
    CHECK(breaker.allow());
}

TEST_CASE_METHOD(fixture, "circuit breaker: the platform's own wish counts at once, within reason") {
    breaker.throttled(20s);
    clock.advance(20s - 1ms);
    CHECK_FALSE(breaker.allow());
    clock.advance(1ms);
    CHECK(breaker.allow());
    breaker.throttled(0s);
    clock.advance(10s);
    CHECK(breaker.allow());
    breaker.throttled(24h);
    clock.advance(60s);
    CHECK(breaker.allow());
}
