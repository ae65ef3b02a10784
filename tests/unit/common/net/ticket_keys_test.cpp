#include "common/net/ticket_keys.hpp"
#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("ticket_keys: one key seals until it is twelve hours old", "[net][tls]") {
    support::manual_clock time;
    net::ticket_keys keys(time);
    const auto first = *keys.for_sealing();
    time.advance(12h - 1ms);
    CHECK(keys.for_sealing()->name == first.name);
    time.advance(1ms);
    const auto second = *keys.for_sealing();
    CHECK(second.name != first.name);
    CHECK(second.cipher != first.cipher);
    CHECK(second.mac != first.mac);
    CHECK(keys.size() == 2);
}

TEST_CASE("ticket_keys: two old ones are found, older ones are gone", "[net][tls]") {
    support::manual_clock time;
    net::ticket_keys keys(time);
    std::vector<net::ticket_keys::key> made;
    for (int i = 0; i < 4; ++i) {
        made.push_back(*keys.for_sealing());
        time.advance(12h);
    }
    time.advance(-1h);
    CHECK(keys.size() == 3);
    CHECK(keys.find(made[0].name) == nullptr);
    REQUIRE(keys.find(made[1].name) != nullptr);
    CHECK_FALSE(keys.is_current(*keys.find(made[1].name)));
    CHECK(keys.find(made[1].name)->cipher == made[1].cipher);
    CHECK(keys.is_current(*keys.find(made[3].name)));
    time.advance(1h);
    CHECK_FALSE(keys.is_current(*keys.find(made[3].name))); // its time is over although no new one was needed yet
}

TEST_CASE("ticket_keys: a key grows too old also when nobody asks for a new one", "[net][tls]") {
    support::manual_clock time;
    net::ticket_keys keys(time);
    const auto only = *keys.for_sealing();
    time.advance(36h - 1ms);
    CHECK(keys.find(only.name) != nullptr);
    time.advance(1ms);
    CHECK(keys.find(only.name) == nullptr);
    CHECK(keys.size() == 0);
}

TEST_CASE("ticket_keys: an unknown name is no key", "[net][tls]") {
    support::manual_clock time;
    net::ticket_keys keys(time);
    auto name = keys.for_sealing()->name;
    name[15] ^= 1;
    CHECK(keys.find(name) == nullptr);
}
