// A disk budget and a full disk: messages are refused, all else goes on, nothing that was refused leaves a hole.
#include "tests/unit/messaging/topic/link_peer.hpp"

#include <cerrno>
#include <thread>

using namespace support;

namespace {

constexpr std::uint64_t segment = 256 * 1024;

messaging::topic::limits roomy() {
    messaging::topic::limits limits;
    limits.backlog_bytes_per_topic = 1ULL << 30;
    return limits;
}

/// Publishes until one is refused; how many were taken.
std::size_t fill(memory_messaging& messaging, link_peer& broker) {
    std::size_t taken = 0;
    for (int round = 0; round < 1'000 && broker.outcomes.empty(); ++round) {
        for (int i = 0; i < 10; ++i) broker.publish(1, std::string(1'000, 'x'));
        taken += 10;
        messaging.settle();
        broker.read();
    }
    REQUIRE_FALSE(broker.outcomes.empty());
    for (const auto& [sequence, why] : broker.outcomes) CHECK(why == msg_link::reason::disk_full);
    return taken - broker.outcomes.size();
}

} // namespace

TEST_CASE("disk budget: at the reserve messages are refused; acknowledging makes room by itself", "[space]") {
    memory_messaging messaging(roomy(), 8 * segment);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 0, "sub");
    broker.topic(1, "a");
    const auto taken = fill(messaging, broker);
    CHECK(messaging.hub->disk_full());
    CHECK(messaging.hub->stats().refused[static_cast<std::size_t>(msg_link::reason::disk_full)] > 0);
    CHECK(messaging.hub->log().stats().disk_bytes <= 5 * segment);
    messaging.advance(std::chrono::seconds(5)); // nothing is gained by waiting
    CHECK(messaging.hub->disk_full());

    broker.credit(1, 1'000'000);
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return broker.payloads(1).size() == taken; }));
    for (const auto& one : broker.deliveries) broker.acknowledge(1, one.position, one.position);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (messaging.hub->disk_full() && std::chrono::steady_clock::now() < deadline) {
        messaging.advance(std::chrono::milliseconds(100));
        std::this_thread::sleep_for(std::chrono::milliseconds(1)); // snapshots are written on another thread
    }
    REQUIRE_FALSE(messaging.hub->disk_full());
    broker.outcomes.clear();
    broker.publish(1, "again");
    messaging.settle();
    broker.read();
    CHECK(broker.outcomes.empty());
    messaging.restart();
    CHECK(messaging.backlog("t1") > 0);
}

TEST_CASE("full disk: what a refused commit held is logged with the next one", "[space]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "n/#", 2, 0, "sub");
    messaging.settle();
    messaging.files.fail_write(0, ENOSPC, 10);
    broker.topic(1, "n/1");
    broker.publish(1, "refused"); // with it goes the entry that gives the topic its number
    messaging.settle();
    broker.read();
    REQUIRE(broker.outcomes.size() == 1);
    CHECK(broker.outcomes.begin()->second == msg_link::reason::disk_full);
    CHECK(messaging.hub->disk_full());
    broker.publish(1, "too early");
    messaging.settle();
    messaging.advance(std::chrono::milliseconds(1'100));
    CHECK_FALSE(messaging.hub->disk_full());
    broker.publish(1, "stored");
    messaging.settle();
    broker.read();
    CHECK(broker.outcomes.size() == 2);
    messaging.restart();
    link_peer again(messaging, 8);
    again.connect();
    again.subscribe(1, "n/#", 2, 100, "sub");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return !again.payloads(1).empty(); }));
    CHECK(again.payloads(1) == texts{"stored"});
}

TEST_CASE("full disk: the will of a claim that ended while nothing could be written comes once, later", "[space]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "wills", 2, 0, "sub");
    broker.claim("c", "wills", "last");
    messaging.settle();
    broker.read();
    REQUIRE(broker.claims.size() == 1);
    messaging.files.fail_write(0, ENOSPC, 0);
    broker.release(broker.claims.begin()->second, true);
    messaging.settle();
    messaging.advance(std::chrono::milliseconds(1'100));
    messaging.restart();
    CHECK(messaging.hub->claim_count() == 0);
    messaging.advance(std::chrono::minutes(1)); // no lease has it any more
    link_peer again(messaging, 8);
    again.connect();
    again.subscribe(1, "wills", 2, 100, "sub");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return !again.payloads(1).empty(); }));
    CHECK(again.payloads(1) == texts{"last"});
}
