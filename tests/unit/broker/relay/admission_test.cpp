// Who may publish while others flood: the light always, the heavy while the queue on the link is short.
#include "broker/relay/admission.hpp"

#include <catch2/catch.hpp>

using broker::relay::admits;
using broker::relay::busy_link;
using broker::relay::in_flight;
using broker::relay::light_client;
using broker::relay::worth_waking;

namespace {

constexpr in_flight light{light_client.messages - 1, light_client.bytes - 1};
constexpr in_flight idle_link{busy_link.messages - 1, busy_link.bytes - 1};
constexpr in_flight flooded_link{60'000, 30 * 1024 * 1024};

} // namespace

TEST_CASE("a client with little under way never waits for those with much") {
    CHECK(admits({0, 0}, flooded_link, true));
    CHECK(admits(light, flooded_link, true));
}

TEST_CASE("a client with much under way waits while the link is busy, by messages or by bytes") {
    for (const auto& own : {in_flight{light_client.messages, 0}, in_flight{1, light_client.bytes}}) {
        CHECK(admits(own, idle_link, true));
        CHECK_FALSE(admits(own, {busy_link.messages, 0}, true));
        CHECK_FALSE(admits(own, {0, busy_link.bytes}, true));
    }
}

TEST_CASE("alone, a client may fill the link until it is busy") {
    CHECK(admits(idle_link, idle_link, true));
    CHECK_FALSE(admits(busy_link, busy_link, true));
}

TEST_CASE("while the link is down only the client's own share counts") {
    CHECK(admits({999, 64 * 1024 - 1}, flooded_link, false));
    CHECK_FALSE(admits({1'000, 0}, {1'000, 0}, false));
    CHECK_FALSE(admits({1, 64 * 1024}, {1, 64 * 1024}, false));
}

TEST_CASE("who waited is asked again when half of the queue is gone, not before") {
    CHECK_FALSE(worth_waking({busy_link.messages / 2, 0}));
    CHECK_FALSE(worth_waking({0, busy_link.bytes / 2}));
    CHECK(worth_waking({busy_link.messages / 2 - 1, busy_link.bytes / 2 - 1}));
    CHECK(admits(busy_link, {busy_link.messages / 2 - 1, 0}, true));
}
