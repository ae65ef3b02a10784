#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

TEST_CASE("subscription: starts at the newest message; a later topic is included from its first", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(9, "a", 2, 100, "keeper");
    broker.topic(1, "a");
    broker.publish(1, "before");
    messaging.settle();
    broker.subscribe(1, "a");
    broker.subscribe(2, "#");
    broker.publish(1, "after");
    broker.topic(2, "new");
    broker.publish(2, "first");
    messaging.settle();
    CHECK(broker.payloads(1) == texts{"after"});
    CHECK(broker.payloads(2) == texts{"after", "first"});
}

TEST_CASE("subscription: overlapping filters give one delivery at the highest QoS",
          "[topic][MQTT311-3.3.5-1][MQTT5-3.3.4-2]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a/+", 0);
    std::string out;
    msg_link::encode_filter_add(out, {1, 101, 1, "a/b"});
    broker.send(out);
    broker.topic(1, "a/b");
    broker.publish(1, "x");
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 1);
    CHECK(broker.deliveries[0].must_acknowledge);
    out.clear();
    msg_link::encode_filter_remove(out, {1, 102, 0, "a/b"});
    broker.send(out);
    broker.publish(1, "y");
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 2);
    CHECK_FALSE(broker.deliveries[1].must_acknowledge);
}

TEST_CASE("subscription: credit bounds what is delivered, and what waited comes in order over topics", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "#", 1, 2);
    broker.topic(1, "a");
    broker.topic(2, "b");
    for (int i = 0; i < 6; ++i) broker.publish(i % 2 == 0 ? 1 : 2, std::to_string(i));
    messaging.settle();
    CHECK(broker.payloads(1) == texts{"0", "1"});
    broker.credit(1, 5);
    CHECK(broker.payloads(1) == texts{"0", "1", "2", "3", "4"});
    broker.credit(1, 100);
    CHECK(broker.payloads(1) == texts{"0", "1", "2", "3", "4", "5"});
}

TEST_CASE("subscription: the link window stops deliveries and its return lets them go on", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 0, 1'000'000);
    broker.topic(1, "a");
    for (std::uint32_t i = 0; i < msg_link::window_records + 10; ++i) broker.publish(1, "x");
    messaging.settle();
    CHECK(broker.payloads(1).size() == msg_link::window_records);
    std::string out;
    encode(out, msg_link::window{256, 256});
    broker.send(out);
    CHECK(broker.payloads(1).size() == msg_link::window_records + 10);
}

TEST_CASE("subscription: cold messages come from disk in order", "[topic]") {
    messaging::topic::limits limits;
    limits.backlog_bytes_per_topic = 1ULL << 30;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 0, "durable");
    broker.topic(1, "a");
    texts expected;
    for (int i = 0; i < 2'000; ++i) {
        expected.push_back(std::to_string(i));
        broker.publish(1, expected.back());
        if (i % 100 == 0) messaging.settle();
    }
    messaging.settle();
    messaging.restart(); // nothing is in the cache any more
    link_peer again(messaging, 8);
    again.connect();
    again.subscribe(1, "a", 2, 100'000, "durable");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return again.payloads(1).size() == expected.size(); }));
    CHECK(again.payloads(1) == expected);
}

TEST_CASE("subscription: exclusive refuses a second consumer, shared spreads, failover hands over", "[topic]") {
    memory_messaging messaging;
    link_peer one(messaging, 1);
    link_peer two(messaging, 2);
    one.connect();
    two.connect();
    using enum msg_link::subscription_type;
    one.subscribe(1, "a", 2, 100, "ex", 0, exclusive);
    two.subscribe(1, "a", 2, 100, "ex", 0, exclusive);
    one.subscribe(2, "a", 2, 100, "sh", 0, shared);
    two.subscribe(2, "a", 2, 100, "sh", 0, shared);
    one.subscribe(3, "a", 2, 100, "fo", 0, failover);
    two.subscribe(3, "a", 2, 100, "fo", 0, failover);
    one.topic(1, "a");
    for (int i = 0; i < 4; ++i) one.publish(1, std::to_string(i));
    messaging.settle();
    two.read();
    CHECK(two.subscribed.at(1) == msg_link::reason::busy);
    CHECK(one.payloads(1) == texts{"0", "1", "2", "3"});
    CHECK(one.payloads(2).size() == 2);
    CHECK(two.payloads(2).size() == 2);
    CHECK(one.payloads(3).size() == 4);
    CHECK(two.payloads(3).empty());
    // The active one acknowledges one message and goes: its successor gets the rest, in order, marked.
    one.acknowledge(3, one.deliveries[0].position, one.deliveries[0].position);
    std::string out;
    encode(out, msg_link::stream_close{3, false});
    one.send(out);
    messaging.settle();
    CHECK(two.payloads(3) == texts{"1", "2", "3"});
    for (const auto& at : two.deliveries)
        if (at.stream == 3) CHECK(at.count == 2);
}

TEST_CASE("subscription: a failover consumer whose link stays down gives way to the one that waits", "[topic][lease]") {
    memory_messaging messaging;
    link_peer one(messaging, 1);
    link_peer two(messaging, 2);
    one.connect();
    using enum msg_link::subscription_type;
    one.subscribe(3, "a", 2, 100, "fo", 0, failover);
    one.topic(1, "a");
    one.publish(1, "x");
    messaging.settle();
    CHECK(one.payloads(3) == texts{"x"});
    one.cut();
    two.connect();
    two.subscribe(3, "a", 2, 100, "fo", 0, failover);
    messaging.settle();
    messaging.advance(std::chrono::milliseconds(4'900));
    CHECK(two.payloads(3).empty());
    messaging.advance(std::chrono::milliseconds(200));
    CHECK(two.payloads(3) == texts{"x"});
    one.connect(2, [](std::string& out) { msg_link::encode_resume_stream(out, 3, 0, {}); });
    CHECK(one.ended.at(3) == msg_link::reason::lost);
}

TEST_CASE("subscription: a negative acknowledgement brings the message again", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 1, 10);
    broker.topic(1, "a");
    broker.publish(1, "x");
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 1);
    const std::uint64_t range[] = {broker.deliveries[0].position, broker.deliveries[0].position};
    std::string out;
    msg_link::encode_negative_acknowledge(out, 1, 0, range);
    broker.send(out);
    CHECK(broker.payloads(1) == texts{"x", "x"});
    CHECK(broker.deliveries[1].count == 2);
}

TEST_CASE("subscription: removing one gives its backlog back; the others keep theirs", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 0, "one");
    broker.subscribe(2, "a", 2, 0, "two");
    broker.topic(1, "a");
    for (int i = 0; i < 10; ++i) broker.publish(1, "x");
    messaging.settle();
    const auto held = messaging.backlog("t1");
    std::string out;
    encode(out, msg_link::stream_close{1, true});
    broker.send(out);
    CHECK(messaging.backlog("t1") == held);
    out.clear();
    encode(out, msg_link::stream_close{2, true});
    broker.send(out);
    CHECK(messaging.backlog("t1") == 0);
    messaging.settle();
    messaging.restart();
    CHECK(messaging.hub->find_subscription("t1", "mqtt", "one") == nullptr);
    CHECK(messaging.backlog("t1") == 0);
}

TEST_CASE("subscription: a QoS 0 stream far behind skips forward, a slow QoS 1 lease ends with a reason",
          "[topic][slow]") {
    messaging::topic::limits limits;
    limits.qos0_lag_bytes = 1'000;
    limits.backlog_bytes_per_topic = 10'000;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 0, 1);
    broker.subscribe(2, "a", 1, 1);
    broker.topic(1, "a");
    for (int i = 0; i < 20; ++i) {
        broker.publish(1, std::string(400, 'x'));
        messaging.settle();
    }
    broker.read();
    CHECK(broker.ended.at(2) == msg_link::reason::too_slow);
    CHECK(messaging.hub->stats().skipped > 0);
    broker.credit(1, 1'000);
    broker.publish(1, "end");
    messaging.settle();
    CHECK(broker.payloads(1).back() == "end");
}

TEST_CASE("subscription: a durable one that holds over 80 % of a topic's quota is told once, until it is calm again",
          "[topic][backlog]") {
    messaging::topic::limits limits;
    limits.backlog_bytes_per_topic = 1'000;
    memory_messaging messaging(limits);
    texts alarms;
    messaging.hub->on_alarm([&](const std::string&, std::string_view type) { alarms.emplace_back(type); });
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 0, "archive");
    broker.topic(1, "a");
    const auto fill = [&](int count) {
        for (int i = 0; i < count; ++i) broker.publish(1, "x");
        messaging.settle();
    };
    fill(40); // 20 bytes each
    CHECK(alarms.empty());
    fill(5);
    CHECK(alarms == texts{"c8y_MqttService_SubscriptionBacklog"});
    CHECK(messaging.hub->stats().subscriptions_backlog_high == 1);
    fill(2);
    CHECK(alarms.size() == 1);
    broker.credit(1, 30);
    broker.acknowledge(1, 0, ~0ULL);
    CHECK(messaging.hub->stats().subscriptions_backlog_high == 0);
    fill(29);
    CHECK(alarms.size() == 2);
    broker.close(1, true);
    CHECK(messaging.hub->stats().subscriptions_backlog_high == 0);
}

TEST_CASE("subscription: type, declaration and deliveries are durable, and the type waits for its consumers",
          "[topic]") {
    memory_messaging messaging;
    {
        link_peer broker(messaging, 7);
        broker.connect();
        broker.subscribe(1, "a", 2, 10, "s");
        auto* made = messaging.hub->find_subscription("t1", "mqtt", "s");
        CHECK_FALSE(messaging.hub->change_type(*made, msg_link::subscription_type::key_shared));
        broker.close(1);
        CHECK(messaging.hub->change_type(*made, msg_link::subscription_type::key_shared));
        messaging.hub->set_declared(*made, true);
        messaging.hub->set_max_deliveries(*made, 7);
        messaging.settle();
    }
    for (int i = 0; i < 2; ++i) { // from the log, then from the snapshot
        messaging.restart();
        messaging.settle();
        const auto* found = messaging.hub->find_subscription("t1", "mqtt", "s");
        REQUIRE(found != nullptr);
        CHECK(found->type == msg_link::subscription_type::key_shared);
        CHECK(found->declared);
        CHECK(found->max_deliveries == 7);
        CHECK(found->keys != nullptr);
    }
}

TEST_CASE("subscription: an idle one and an idle topic hold no queue and stay small", "[topic][memory]") {
    using namespace messaging::topic;
    CHECK(sizeof(subscription) <= 432);
    CHECK(sizeof(edge) <= 32);
    CHECK(sizeof(topic) <= 264);
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 10, "s");
    broker.topic(1, "a");
    broker.publish(1, "x");
    messaging.settle();
    broker.acknowledge(1, 0, ~0ULL);
    CHECK(messaging.hub->find_subscription("t1", "mqtt", "s")->aside == nullptr);
}
