#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;
using namespace std::chrono_literals;

namespace {
struct given_back {
    explicit given_back(msg_link::subscription_type type, int count) {
        broker.connect();
        broker.subscribe(1, "a", 2, 1'000, "s", 0, type);
        broker.topic(1, "a");
        for (int i = 0; i < count; ++i) broker.publish(1, std::to_string(i));
        messaging.settle();
        broker.read();
        for (const auto& one : broker.deliveries) at.push_back(one.position);
        REQUIRE(at.size() == static_cast<std::size_t>(count));
        broker.deliveries.clear();
    }
    memory_messaging messaging;
    link_peer broker{messaging, 7};
    std::vector<std::uint64_t> at;
};
} // namespace

TEST_CASE("negative acknowledgement: ordered types are rewound, and only what failed counts up", "[topic][nack]") {
    const auto type = GENERATE(msg_link::subscription_type::exclusive, msg_link::subscription_type::failover);
    given_back all(type, 4);
    all.broker.acknowledge(1, all.at[0], all.at[0]);
    all.broker.give_back(1, all.at[1], all.at[1], 500);
    all.broker.publish(1, "4");
    all.messaging.settle();
    CHECK(all.broker.payloads(1).empty()); // nothing overtakes
    all.messaging.advance(400ms);
    CHECK(all.broker.payloads(1).empty());
    all.messaging.advance(300ms);
    CHECK(all.broker.payloads(1) == texts{"1", "2", "3", "4"});
    CHECK(all.broker.deliveries[0].count == 2);
    CHECK(all.broker.deliveries[1].count == 1);
}

TEST_CASE("negative acknowledgement: in shared types each waits alone and new ones go on", "[topic][nack]") {
    given_back all(msg_link::subscription_type::shared, 3);
    all.broker.give_back(1, all.at[0], all.at[0], 5'000);
    all.broker.give_back(1, all.at[1], all.at[1], 1'000);
    all.broker.publish(1, "3");
    all.messaging.settle();
    CHECK(all.broker.payloads(1) == texts{"3"});
    all.messaging.advance(1'200ms);
    CHECK(all.broker.payloads(1) == texts{"3", "1"});
    all.messaging.advance(3'900ms);
    CHECK(all.broker.payloads(1) == texts{"3", "1", "0"});
    CHECK(all.broker.deliveries[2].count == 2);
}

TEST_CASE("negative acknowledgement: delays are bounded, and what waits survives a restart without its delay",
          "[topic][nack]") {
    given_back all(msg_link::subscription_type::shared, 1);
    const bool restarted = GENERATE(false, true);
    all.broker.give_back(1, all.at[0], all.at[0], 0xFFFF'FFFF);
    all.messaging.advance(100ms);
    if (restarted) {
        all.messaging.restart();
        link_peer again(all.messaging, 8);
        again.connect();
        again.subscribe(1, "a", 2, 10, "s", 0, msg_link::subscription_type::shared);
        all.messaging.settle();
        REQUIRE(all.messaging.loop->run_until([&] { return !again.payloads(1).empty(); }));
        CHECK(again.deliveries[0].count == 2);
        return;
    }
    all.messaging.advance(59min);
    CHECK(all.broker.payloads(1).empty());
    all.messaging.advance(2min);
    CHECK(all.broker.payloads(1) == texts{"0"});
}

TEST_CASE("negative acknowledgement: what waits counts against what a subscription may have unacknowledged",
          "[topic][nack]") {
    messaging::topic::limits limits;
    limits.unacknowledged_per_subscription = 5;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 1'000, "s", 0, msg_link::subscription_type::shared);
    broker.topic(1, "a");
    for (int i = 0; i < 20; ++i) broker.publish(1, std::to_string(i));
    messaging.settle();
    for (int i = 0; i < 10; ++i) {
        broker.read();
        if (broker.deliveries.empty()) break;
        const auto from = broker.deliveries.front().position;
        const auto to = broker.deliveries.back().position;
        broker.give_back(1, from, to, 1'000);
        broker.deliveries.clear();
    }
    const auto* held = messaging.hub->find_subscription("t1", "mqtt", "s");
    CHECK(held->in_cursor() == 5);
    messaging.advance(1'200ms);
    CHECK(broker.payloads(1) == texts{"0", "1", "2", "3", "4"});
}

TEST_CASE("negative acknowledgement: an MQTT client's own stream is not rewound", "[topic][nack]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.claim("c");
    messaging.settle();
    broker.read();
    broker.subscribe(1, "a", 1, 10, {}, broker.claims.at(1));
    broker.topic(1, "a");
    broker.publish(1, "0");
    broker.publish(1, "1");
    messaging.settle();
    broker.read();
    broker.give_back(1, broker.deliveries.at(0).position, broker.deliveries.at(0).position);
    CHECK(broker.payloads(1) == texts{"0", "1", "0"});
}
