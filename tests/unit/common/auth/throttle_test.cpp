// What failed logins cost whom, and for how long.
#include "common/auth/throttle.hpp"

#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using auth::address_key;
using auth::recent_table;
using auth::throttle;
using auth::throttle_limits;
using namespace std::chrono_literals;

namespace {

constexpr const char* user = "t1/device1";
constexpr const char* address = "192.0.2.1";

struct fixture {
    support::manual_clock clock;
    throttle_limits limits;
    fixture() {
        limits.failures_per_user = 3;
        limits.failures_per_address = 5;
    }
    void fail(throttle& of, int times, const char* who = user, const char* from = address) {
        for (int i = 0; i < times; ++i) of.failed(who, from);
    }
};

} // namespace

TEST_CASE_METHOD(fixture, "throttle: some failures are free, then each doubles the delay up to a bound") {
    limits.window = 24h; // next to nothing is forgiven meanwhile
    throttle of(clock, limits);
    CHECK_FALSE(of.user_waits(user));
    fail(of, 3);
    CHECK_FALSE(of.user_waits(user));
    std::chrono::milliseconds delay = 1s;
    for (int i = 0; i < 10; ++i) {
        fail(of, 1, user, "198.51.100.9");
        CHECK(of.user_wait(user) == delay);
        clock.advance(delay - 1ms);
        CHECK(of.user_waits(user));
        clock.advance(1ms);
        CHECK_FALSE(of.user_waits(user));
        delay = std::min<std::chrono::milliseconds>(delay * 2, 60s);
    }
    CHECK_FALSE(of.user_waits("t1/device2"));
    CHECK_FALSE(of.user_waits("t2/device1"));
}

TEST_CASE_METHOD(fixture, "throttle: an address by all its users together, a user from all addresses together") {
    throttle of(clock, limits);
    for (const char* who : {"t1/a", "t1/b", "t2/a", "t2/b", "t3/a"}) of.failed(who, address);
    CHECK_FALSE(of.address_waits(address));
    of.failed({}, address); // a certificate
    CHECK(of.address_waits(address));
    CHECK_FALSE(of.address_waits("192.0.2.2"));
    CHECK(of.users() == 5);
    for (const char* from : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}) of.failed("t9/x", from);
    CHECK(of.user_waits("t9/x"));
    CHECK_FALSE(of.address_waits("10.0.0.1"));
}

TEST_CASE_METHOD(fixture, "throttle: a success forgets the user's failures, not the address's") {
    throttle of(clock, limits);
    fail(of, 6);
    CHECK(of.user_waits(user));
    CHECK(of.address_waits(address));
    of.succeeded(user);
    CHECK_FALSE(of.user_waits(user));
    CHECK(of.address_waits(address));
    fail(of, 3);
    CHECK_FALSE(of.user_waits(user)); // counted from the start
}

TEST_CASE_METHOD(fixture, "throttle: failures are forgiven while time passes, also while they go on") {
    throttle of(clock, limits);
    fail(of, 3);
    clock.advance(limits.window);
    fail(of, 3);
    CHECK_FALSE(of.user_waits(user)); // all three were forgiven
    CHECK(of.users() == 1);
    clock.advance(limits.window / 3);
    fail(of, 1);
    CHECK_FALSE(of.user_waits(user)); // one was
    fail(of, 1);
    CHECK(of.user_waits(user));
}

TEST_CASE_METHOD(fixture, "throttle: an address that fails now and then for ever is never held up") {
    throttle of(clock, limits);
    for (int i = 0; i < 10'000; ++i) {
        clock.advance(limits.window / limits.failures_per_address);
        of.failed({}, address);
        REQUIRE_FALSE(of.address_waits(address));
    }
}

TEST_CASE_METHOD(fixture,
                 "throttle: very many failures at once are no longer way back than the longest delay asks for") {
    throttle of(clock, limits);
    for (int i = 0; i < 1000; ++i) of.failed({}, address);
    CHECK(of.address_wait(address) == limits.max_delay);
    clock.advance(2 * limits.window);
    of.failed({}, address);
    CHECK(of.address_wait(address) < limits.max_delay);
    clock.advance(2 * limits.window);
    of.failed({}, address);
    CHECK_FALSE(of.address_waits(address));
}

TEST_CASE_METHOD(fixture, "throttle: what is offered again counts for its user alone") {
    throttle of(clock, limits);
    for (int i = 0; i < 100; ++i) of.failed(user, {});
    CHECK(of.user_waits(user));
    CHECK(of.addresses() == 0);
    CHECK(of.has_failed(user));
    CHECK_FALSE(of.has_failed("t1/device2"));
}

TEST_CASE_METHOD(fixture, "throttle: names without end do not grow it, nor push an address out") {
    limits.remembered_max = 100;
    throttle of(clock, limits);
    fail(of, 6);
    for (int i = 0; i < 10'000; ++i) of.failed("t1/" + std::to_string(i), address);
    CHECK(of.users() == 100);
    CHECK(of.addresses() == 1);
    CHECK(of.address_waits(address));
    CHECK_FALSE(of.user_waits(user)); // the least recently seen went first
    for (int i = 0; i < 10'000; ++i) of.failed({}, "address " + std::to_string(i));
    CHECK(of.addresses() == 100);
}

TEST_CASE_METHOD(fixture, "throttle: guesses at once are bounded like guesses one after the other") {
    throttle of(clock, limits);
    for (int i = 0; i < 3; ++i) CHECK(of.begin(user, address));
    CHECK_FALSE(of.begin(user, address));
    CHECK(of.begin("t1/device2", address));
    of.ended(user, address);
    CHECK(of.begin(user, address));
    for (int i = 0; i < 3; ++i) of.ended(user, address);
    of.ended(user, address); // more often than begun does no harm
    for (int i = 0; i < 3; ++i) CHECK(of.begin(user, address));
}

TEST_CASE_METHOD(fixture, "throttle: guesses at once from one address are bounded, whoever's password they guess") {
    limits.failures_per_address = 5;
    throttle of(clock, limits);
    for (int i = 0; i < 20; ++i) CHECK(of.begin("t1/device" + std::to_string(i), address));
    CHECK_FALSE(of.begin("t1/device20", address));
    CHECK(of.begin("t1/device20", "192.0.2.77"));
    of.ended("t1/device0", address);
    CHECK(of.begin("t1/device20", address));
}

TEST_CASE_METHOD(fixture, "throttle: 0 switches a kind off") {
    limits.failures_per_user = 0;
    limits.failures_per_address = 0;
    throttle of(clock, limits);
    fail(of, 1000);
    CHECK_FALSE(of.user_waits(user));
    CHECK_FALSE(of.address_waits(address));
    for (int i = 0; i < 1000; ++i) CHECK(of.begin(user, address));
    CHECK(of.users() == 0);
}

TEST_CASE("throttle: what counts as one address") {
    CHECK(address_key("192.0.2.1:51000") == "192.0.2.1");
    CHECK(address_key("192.0.2.1:51001") == address_key("192.0.2.1:51000"));
    CHECK(address_key("[::ffff:192.0.2.1]:7") == "192.0.2.1");
    CHECK(address_key("[2001:db8:1:2:3:4:5:6]:7") == "2001:db8:1:2::/64");
    CHECK(address_key("[2001:db8:1:2::1]:8") == "2001:db8:1:2::/64");
    CHECK(address_key("[2001:db8:1:3::1]:8") != address_key("[2001:db8:1:2::1]:8"));
    CHECK(address_key("") == "");
    CHECK(address_key("local") == "local");
}

TEST_CASE("recent table: the least recently used goes first") {
    recent_table<int> table(2);
    *table.use("a") = 1;
    *table.use("b") = 2;
    CHECK(*table.use("a") == 1);
    *table.use("c") = 3;
    CHECK(table.find("b") == nullptr);
    CHECK(*table.find("a") == 1);
    table.forget("a");
    table.forget("nobody");
    CHECK(table.size() == 1);
    recent_table<int> none(0);
    CHECK(none.use("a") == nullptr);
    CHECK(none.empty());
}
