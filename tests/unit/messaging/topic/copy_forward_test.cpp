// Copy-forward: few live messages do not keep their segments; nothing is lost, doubled or brought back by it.
#include "tests/unit/messaging/topic/link_peer.hpp"

#include <cerrno>
#include <thread>

using namespace support;

namespace {

messaging::topic::limits roomy() {
    messaging::topic::limits limits;
    limits.backlog_bytes_per_topic = 1ULL << 30;
    return limits;
}

/// One message for `slow` in each of many segments, the rest acknowledged by `fast`.
class sparse_store {
  public:
    explicit sparse_store(int segments = 8) : messaging(roomy()), broker(messaging, 7) {
        broker.connect();
        broker.subscribe(1, "a", 2, 1'000'000, "fast");
        broker.subscribe(2, "b", 2, 0, "slow");
        broker.topic(1, "a");
        broker.topic(2, "b");
        for (int i = 0; i < segments; ++i) {
            broker.publish(2, "kept " + std::to_string(i));
            kept.push_back("kept " + std::to_string(i));
            fill_segment();
        }
        messaging.advance(std::chrono::milliseconds(100)); // writes the cursors
        messaging.settle();
    }
    /// Traffic that is acknowledged at once, more than a segment of it.
    void fill_segment() {
        for (int round = 0; round < 28; ++round) {
            for (int i = 0; i < 10; ++i) broker.publish(1, std::string(1'000, 'x'));
            messaging.settle();
            broker.read();
            std::string out;
            for (const auto& one : broker.deliveries)
                if (one.stream == 1) broker.acknowledge(1, one.position, one.position);
            records += broker.deliveries.size();
            broker.deliveries.clear();
            encode(out, msg_link::window{records, records * 1'000});
            broker.send(out);
        }
    }
    void ticks(int count = 40) {
        for (int i = 0; i < count; ++i) {
            messaging.advance(std::chrono::milliseconds(100));
            REQUIRE(messaging.loop->run_until([&] {
                messaging.hub->flush();
                return messaging.hub->log().stats().queued_bytes == 0;
            }));
            messaging.loop->run_ready();
        }
    }
    /// Ticks until the store is at most that many segments; the threads for reading and snapshots answer when they do.
    bool shrinks_to(std::uint64_t segments) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (messaging.hub->log().stats().segments > segments) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            ticks(1);
            std::this_thread::sleep_for(std::chrono::milliseconds(1)); // between two looks
        }
        return true;
    }
    texts waiting() {
        link_peer again(messaging, 8);
        again.connect();
        again.subscribe(2, "b", 2, 1'000, "slow");
        messaging.settle();
        (void)messaging.loop->run_until([&] { return again.payloads(2).size() >= kept.size(); });
        return again.payloads(2);
    }

    memory_messaging messaging;
    link_peer broker;
    texts kept;
    std::uint64_t records = 0;
};

} // namespace

TEST_CASE("copy-forward: few live messages do not keep their segments", "[space]") {
    sparse_store store;
    const auto backlog = store.messaging.backlog("t1");
    REQUIRE(store.shrinks_to(3));
    CHECK(store.messaging.hub->stats().copied_messages >= store.kept.size() - 3);
    CHECK(store.messaging.backlog("t1") == backlog);
    CHECK(store.messaging.hub->log().stats().live_messages == store.kept.size());
    store.messaging.restart();
    CHECK(store.messaging.backlog("t1") == backlog);
    CHECK(store.messaging.hub->log().stats().live_messages == store.kept.size());
    CHECK(store.waiting() == store.kept);
}

TEST_CASE("copy-forward: what is acknowledged while its copy is on the way does not come back", "[space]") {
    sparse_store store;
    link_peer reader(store.messaging, 9);
    reader.connect();
    store.broker.cut(); // its stream gives way
    store.messaging.advance(std::chrono::minutes(1));
    reader.subscribe(2, "b", 2, 1'000, "slow");
    store.messaging.settle();
    REQUIRE(store.messaging.loop->run_until([&] { return reader.payloads(2).size() == store.kept.size(); }));
    // Acknowledge one by one between the steps of the copying.
    for (const auto& one : reader.deliveries) {
        store.messaging.hub->tick();
        store.messaging.hub->flush();
        store.messaging.loop->run_ready();
        reader.acknowledge(2, one.position, one.position);
        store.messaging.loop->run_ready();
    }
    REQUIRE(store.shrinks_to(2));
    store.ticks(2);
    CHECK(store.messaging.backlog("t1") == 0);
    CHECK(store.messaging.hub->log().stats().live_messages == 0);
    store.messaging.restart();
    CHECK(store.messaging.backlog("t1") == 0);
    CHECK(store.messaging.hub->log().stats().live_messages == 0);
}

TEST_CASE("copy-forward: a crash at any point loses, doubles and reorders nothing", "[space][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (std::uint64_t point = 0; point < 24; ++point) {
        INFO("after " << point << " operations");
        sparse_store store(4);
        const auto backlog = store.messaging.backlog("t1");
        store.messaging.files.freeze_after(point);
        for (int i = 0; i < 30; ++i) {
            store.messaging.hub->tick();
            store.messaging.hub->flush();
            store.messaging.loop->run_ready();
            std::this_thread::yield();
        }
        if (point % 2 == 0)
            store.messaging.power_cut(random);
        else
            store.messaging.restart();
        REQUIRE(store.messaging.backlog("t1") == backlog);
        REQUIRE(store.messaging.hub->log().stats().live_messages == store.kept.size());
        REQUIRE(store.waiting() == store.kept);
    }
}

TEST_CASE("copy-forward: a copy that cannot be written leaves the message where it is", "[space]") {
    sparse_store store;
    store.messaging.files.fail_write(0, ENOSPC, 10);
    const auto backlog = store.messaging.backlog("t1");
    for (int i = 0; i < 20; ++i) {
        store.messaging.hub->tick();
        store.messaging.hub->flush();
        store.messaging.loop->run_ready();
    }
    CHECK(store.messaging.backlog("t1") == backlog);
    REQUIRE(store.shrinks_to(3)); // after a pause it goes on
    CHECK(store.messaging.backlog("t1") == backlog);
    store.broker.close(2); // makes room for the one that looks
    CHECK(store.waiting() == store.kept);
}
