// What is told to whom when the log refuses, is slow, or dies between two batches. Found by the hub campaign
// (tests/property/messaging); here each in its smallest form.
#include "tests/unit/messaging/topic/link_peer.hpp"

#include <cerrno>
#include <thread>

using namespace support;
using namespace std::chrono_literals;

namespace {

struct slow_disk {
    explicit slow_disk(messaging::topic::limits limits = {}) : messaging(limits), broker(messaging, 7) {
        broker.connect();
        broker.topic(1, "a");
        broker.topic(2, "nobody");
        broker.subscribe(1, "a", 1, 1'000, "sub");
        messaging.settle();
        broker.read();
    }
    /// From now on a batch that is written waits for its sync.
    void hold(const std::string& payload) {
        messaging.files.hold_syncs(true);
        broker.publish(1, payload);
        messaging.hub->flush();
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (messaging.files.syncs_held() == 0 && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        REQUIRE(messaging.files.syncs_held() == 1);
    }
    void release() {
        messaging.files.hold_syncs(false);
        messaging.settle();
        broker.read();
    }

    memory_messaging messaging;
    link_peer broker;
};

} // namespace

TEST_CASE("settle: of two marks in one refused batch each takes its own refusals", "[publish]") {
    slow_disk all;
    all.hold("first");
    all.broker.publish(2, "unmatched");
    all.messaging.hub->flush(); // its mark joins the next batch
    all.broker.publish(1, "second");
    all.messaging.hub->flush();
    all.messaging.files.fail_write(0, ENOSPC, 0);
    all.release();
    CHECK(all.broker.settled == 3);
    CHECK(all.broker.outcomes == std::map<std::uint64_t, msg_link::reason>{{2, msg_link::reason::no_subscribers},
                                                                           {3, msg_link::reason::disk_full}});
    CHECK(all.broker.payloads(1) == texts{"first"});
}

TEST_CASE("runs: one that goes on behind the mark is cut", "[publish]") {
    using msg_link::reason;
    std::vector<msg_link::run> runs{{1, 2, reason::disk_full}, {5, 4, reason::disk_full}, {20, 1, reason::too_large}};
    const auto taken = messaging::topic::take_runs_up_to(runs, 6);
    REQUIRE(taken.size() == 2);
    CHECK((taken[1].first == 5 && taken[1].length == 2));
    REQUIRE(runs.size() == 2);
    CHECK((runs[0].first == 7 && runs[0].length == 2));
    CHECK(messaging::topic::take_runs_up_to(runs, 8).size() == 1);
    CHECK(messaging::topic::take_runs_up_to(runs, 19).empty());
}

TEST_CASE("expiry: a message that was too long on its way to the disk is not delivered and holds nothing up",
          "[publish]") {
    messaging::topic::limits limits;
    limits.ttl = 1s;
    slow_disk all(limits);
    all.hold("late");
    all.messaging.clock.advance(2s);
    all.release();
    all.broker.publish(1, "fresh");
    all.messaging.settle();
    CHECK(all.broker.payloads(1).size() <= 1);
    all.messaging.advance(300ms);
    CHECK(all.broker.payloads(1) == texts{"fresh"});
    CHECK(all.messaging.backlog("t1") < 100);
}

TEST_CASE("durable: nothing is called durable by a log that has failed", "[publish]") {
    slow_disk all;
    all.messaging.files.fail_sync(0);
    all.broker.publish(1, "lost");
    all.messaging.settle();
    REQUIRE(all.messaging.hub->failed());
    core::error_code told;
    bool answered = false;
    all.messaging.hub->when_durable([&](core::error_code error) {
        told = error;
        answered = true;
    });
    all.messaging.settle();
    CHECK(answered);
    CHECK(told);
}

TEST_CASE("durable: who asks again after a refusal is answered when it is on disk", "[publish]") {
    slow_disk all;
    const auto shared = msg_link::subscription_type::shared;
    all.messaging.files.fail_write(0, ENOSPC, 0);
    all.broker.subscribe(2, "b", 1, 10, "second", 0, shared);
    all.messaging.hub->flush();
    REQUIRE(all.messaging.loop->run_until([&] {
        all.broker.read();
        return all.broker.subscribed.contains(2);
    }));
    CHECK(all.broker.subscribed[2] == msg_link::reason::store_failed);
    all.broker.subscribe(3, "b", 1, 10, "second", 0, shared);
    all.messaging.settle();
    all.broker.read();
    CHECK(all.broker.subscribed[3] == msg_link::reason::ok);
    all.messaging.restart();
    CHECK(all.messaging.hub->find_subscription("t1", "mqtt", "second") != nullptr);
}

TEST_CASE("seek: to a time takes along what is on its way to the disk", "[seek]") {
    slow_disk all;
    const auto since = static_cast<std::uint64_t>(all.messaging.hub->now_ms());
    all.messaging.clock.advance(10ms);
    all.hold("flying");
    all.broker.seek(1, msg_link::seek_to::time, since);
    all.release();
    CHECK(all.broker.ended[1] == msg_link::reason::moved);
    all.broker.subscribe(2, "a", 1, 10, "sub");
    all.messaging.settle();
    CHECK(all.broker.payloads(2) == texts{"flying"});
}

TEST_CASE("watermark: a turn that fills more than one batch has one for each", "[publish][resume]") {
    slow_disk all;
    all.messaging.files.freeze_after(2); // the first batch's write and sync get through
    for (int i = 0; i < 80; ++i) all.broker.publish(1, std::string(1'000, 'x'));
    all.messaging.settle();
    all.messaging.restart();
    const auto* const known = all.messaging.hub->find_producer(7);
    REQUIRE(known != nullptr);
    const auto stored = all.messaging.hub->log().stats().live_messages;
    CHECK(stored > 0);
    CHECK(stored < 80);
    CHECK(known->settled == stored); // what is sent again begins behind it
}

TEST_CASE("will: to a topic that only a wildcard matches and nobody has used is published", "[claim]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "last/#", 2, 1'000, "watch");
    broker.claim("c1", "last/c1", "gone");
    broker.claim("c2", "other/c2", "nobody wants it");
    messaging.settle();
    broker.read();
    REQUIRE(broker.claims.size() == 2);
    for (const auto& [sequence, number] : broker.claims) broker.release(number, true);
    messaging.settle();
    CHECK(broker.payloads(1) == texts{"gone"});
}

TEST_CASE("filters: one that overlaps an older one takes nothing from it, also over a restart", "[subscription]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.topic(1, "b/2");
    broker.subscribe(1, "#", 1, 1, "sub"); // room for one message
    messaging.settle();
    broker.publish(1, "read");
    broker.publish(1, "unread");
    messaging.settle();
    REQUIRE(broker.payloads(1) == texts{"read"});
    std::string out;
    msg_link::encode_filter_add(out, {1, 9, 1, "b/2"});
    broker.send(out);
    messaging.advance(std::chrono::milliseconds(200)); // the cursor, too
    messaging.restart();
    link_peer other(messaging, 8);
    other.connect();
    other.subscribe(2, "#", 1, 10, "sub");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return other.payloads(2).size() == 2; })); // read from the disk
    CHECK(other.payloads(2) == texts{"read", "unread"});
}

TEST_CASE("filters: what only a removed one had wanted goes with it, what an older one wants stays", "[subscription]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.topic(1, "b/2");
    broker.subscribe(1, "#", 1, 0, "sub");
    broker.subscribe(2, "b/2", 1, 0, "other"); // keeps the messages
    messaging.settle();
    broker.publish(1, "before");
    messaging.settle();
    std::string out;
    msg_link::encode_filter_add(out, {1, 9, 1, "b/2"});
    broker.send(out);
    broker.publish(1, "after");
    messaging.settle();
    out.clear();
    msg_link::encode_filter_remove(out, {1, 10, 1, "#"});
    broker.send(out);
    messaging.settle();
    broker.credit(1, 10);
    broker.credit(2, 10);
    messaging.settle();
    CHECK(broker.payloads(1) == texts{"after"});
    CHECK(broker.payloads(2) == texts{"before", "after"});
}

TEST_CASE("dead letters: several of one turn are each acknowledged with their letter", "[dead_letter]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.topic(1, "a");
    broker.subscribe(1, "a", 1, 100, "sub", 0, msg_link::subscription_type::shared);
    messaging.settle();
    messaging.hub->set_max_deliveries(*messaging.hub->find_subscription("t1", "mqtt", "sub"), 1);
    for (int i = 0; i < 3; ++i) broker.publish(1, "bad");
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 3);
    messaging.files.freeze_after(2); // the commit of letters and cursor, and nothing behind it
    broker.give_back(1, broker.deliveries.front().position, broker.deliveries.back().position);
    messaging.settle();
    messaging.restart();
    CHECK(messaging.backlog("t1") == 0);
    CHECK(messaging.hub->log().stats().live_messages == 3);
}
