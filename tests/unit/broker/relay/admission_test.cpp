// Who may publish while others flood: the light always, the heavy while the queue on the link is short. How long it may
// be follows from how long messages take.
#include "broker/relay/admission.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using broker::relay::admits;
using broker::relay::in_flight;
using broker::relay::light_client;
using broker::relay::queue_bound;
using broker::relay::queue_least;
using broker::relay::queue_most;
using broker::relay::worth_waking;

namespace {

constexpr in_flight light{light_client.messages - 1, light_client.bytes - 1};
constexpr in_flight idle_link{queue_most.messages - 1, queue_most.bytes - 1};
constexpr in_flight flooded_link{60'000, 30 * 1024 * 1024};

/// Samples `count` round trips, one each millisecond.
void sample(queue_bound& bound, int count, std::chrono::nanoseconds took, bool pressed, core::steady_time& now) {
    for (int i = 0; i < count; ++i) bound.observe(took, pressed, now += 1ms);
}

} // namespace

TEST_CASE("a client with little under way never waits for those with much") {
    CHECK(admits({0, 0}, flooded_link, queue_least, true));
    CHECK(admits(light, flooded_link, queue_least, true));
}

TEST_CASE("a client with much under way waits while the link is busy, by messages or by bytes") {
    for (const auto& own : {in_flight{light_client.messages, 0}, in_flight{1, light_client.bytes}}) {
        CHECK(admits(own, idle_link, queue_most, true));
        CHECK_FALSE(admits(own, idle_link, queue_least, true));
        CHECK_FALSE(admits(own, {queue_most.messages, 0}, queue_most, true));
        CHECK_FALSE(admits(own, {0, queue_most.bytes}, queue_most, true));
    }
}

TEST_CASE("alone, a client may fill the link until it is busy") {
    CHECK(admits(idle_link, idle_link, queue_most, true));
    CHECK_FALSE(admits(queue_most, queue_most, queue_most, true));
}

TEST_CASE("while the link is down only the client's own share counts") {
    CHECK(admits({999, 64 * 1024 - 1}, flooded_link, queue_least, false));
    CHECK_FALSE(admits({1'000, 0}, {1'000, 0}, queue_most, false));
    CHECK_FALSE(admits({1, 64 * 1024}, {1, 64 * 1024}, queue_most, false));
}

TEST_CASE("who waited is asked again when half of the queue is gone, not before") {
    CHECK_FALSE(worth_waking({queue_most.messages / 2, 0}, queue_most));
    CHECK_FALSE(worth_waking({0, queue_most.bytes / 2}, queue_most));
    CHECK(worth_waking({queue_most.messages / 2 - 1, queue_most.bytes / 2 - 1}, queue_most));
    CHECK_FALSE(worth_waking({queue_least.messages / 2, 0}, queue_least));
}

TEST_CASE("the queue gets shorter while messages take too long, and never shorter than the least") {
    queue_bound bound;
    core::steady_time now{};
    CHECK(bound.now().messages == queue_most.messages);
    CHECK(bound.now().bytes == queue_most.bytes);
    sample(bound, 1, 500us, true, now);
    sample(bound, 5, 8ms, true, now);
    CHECK(bound.now().messages < queue_most.messages * 6 / 10);
    sample(bound, 1'000, 8ms, true, now);
    CHECK(bound.now().messages == queue_least.messages);
    CHECK(bound.now().bytes == queue_least.bytes);
}

TEST_CASE("the queue gets longer again when messages are quick and somebody waits for it") {
    queue_bound bound;
    core::steady_time now{};
    sample(bound, 1, 500us, true, now);
    sample(bound, 1'000, 8ms, true, now);
    sample(bound, 1'000, 2ms, false, now);
    CHECK(bound.now().messages == queue_least.messages); // nobody needs more
    sample(bound, 10, 2ms, true, now);
    CHECK(bound.now().messages > 2 * queue_least.messages);
    sample(bound, 1'000, 2ms, true, now);
    CHECK(bound.now().messages == queue_most.messages);
    CHECK(bound.now().bytes == queue_most.bytes);
}

TEST_CASE("a store on a slow disk keeps its long queue") {
    queue_bound bound;
    core::steady_time now{};
    sample(bound, 1, 15ms, true, now); // two syncs of 7 ms
    sample(bound, 1'000, 28ms, true, now);
    CHECK(bound.now().messages == queue_most.messages);
    sample(bound, 100, 40ms, true, now);
    CHECK(bound.now().messages == queue_least.messages);
}

TEST_CASE("what the store did at best once is forgotten after two epochs") {
    queue_bound bound;
    core::steady_time now{};
    sample(bound, 1, 500us, true, now);
    for (int i = 0; i < 3; ++i) {
        now += queue_bound::epoch_length;
        sample(bound, 100, 15ms, true, now);
    }
    CHECK(bound.now().messages > queue_least.messages);
}
