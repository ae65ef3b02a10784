#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

TEST_CASE("resume: what was settled is told, the rest is sent again and stored once", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 1'000, "sub");
    broker.topic(1, "a");
    broker.publish(1, "1");
    broker.publish(1, "2");
    messaging.settle();
    broker.publish(1, "3"); // received, not yet on its way to the disk when the link goes
    broker.cut();
    SECTION("the link comes back before the commit") {
        broker.connect(1);
        CHECK(broker.settled == 2);
        broker.topic(1, "a");
        broker.publish(1, "3");
        broker.publish(1, "4");
        messaging.settle();
    }
    SECTION("the link comes back after the commit") {
        messaging.settle();
        broker.connect(1);
        CHECK(broker.settled == 3);
        broker.topic(1, "a");
        broker.publish(1, "4");
        messaging.settle();
    }
    SECTION("messaging was killed and had not committed it") {
        messaging.restart();
        broker.connect(1);
        CHECK(broker.settled == 2);
        broker.topic(1, "a");
        broker.publish(1, "3");
        broker.publish(1, "4");
        messaging.settle();
    }
    broker.read();
    CHECK(broker.settled == 4);
    CHECK(broker.outcomes.empty());
    link_peer reader(messaging, 8);
    broker.cut();
    messaging.advance(std::chrono::seconds(31)); // the durable subscription is free again
    reader.connect();
    reader.subscribe(1, "a", 2, 100, "sub");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return reader.payloads(1).size() >= 4; }));
    CHECK(reader.payloads(1) == texts{"1", "2", "3", "4"});
}

TEST_CASE("resume: refusals that were never told stand in the welcome", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.topic(1, "nobody");
    broker.publish(1, "x");
    messaging.settle();
    broker.cut();
    const bool restarted = GENERATE(false, true);
    if (restarted) messaging.restart();
    broker.outcomes.clear();
    broker.connect(1);
    CHECK(broker.settled == 1);
    CHECK(broker.outcomes == std::map<std::uint64_t, msg_link::reason>{{1, msg_link::reason::no_subscribers}});
}

TEST_CASE("resume: taken and outstanding positions decide what is delivered", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 1, 1'000);
    broker.topic(1, "a");
    for (const auto* text : {"0", "1", "2", "3", "4", "5"}) broker.publish(1, text);
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 6);
    const auto at = [&](std::size_t i) { return broker.deliveries[i].position; };
    const std::uint64_t outstanding[] = {at(1), at(3)};
    const auto taken = at(3);
    broker.cut();
    const bool restarted = GENERATE(false, true);
    INFO("restarted " << restarted);
    if (restarted) messaging.restart();
    const auto positions = std::vector<std::uint64_t>{at(0), at(1), at(2), at(3), at(4), at(5)};
    broker.deliveries.clear();
    // 0 and 2 were acknowledged by the client, 1 and 3 are with it, 4 and 5 were lost on the way.
    broker.connect(7, [&](std::string& out) { msg_link::encode_resume_stream(out, 1, taken, outstanding, 4, 80); });
    broker.credit(1, 2'000);
    REQUIRE(messaging.loop->run_until([&] { return broker.payloads(1).size() >= 2; }));
    CHECK(broker.payloads(1) == texts{"4", "5"});
    for (const auto& one : broker.deliveries) CHECK(one.count == 1);
    CHECK(broker.ended.empty());
    CHECK(messaging.backlog("t1") == 4 * 20);
    for (const auto position : {positions[1], positions[3], positions[4], positions[5]})
        broker.acknowledge(1, position, position);
    CHECK(messaging.backlog("t1") == 0);
}

TEST_CASE("resume: credit counts what was taken, not what was lost on the way or forgotten by a restart", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 1, 4);
    broker.topic(1, "a");
    for (const auto* text : {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) broker.publish(1, text);
    messaging.settle();
    broker.read();
    REQUIRE(broker.payloads(1) == texts{"0", "1", "2", "3"});
    // Two were taken and are still with the client, two were lost on the way: of a window of four, two are free.
    const std::uint64_t outstanding[] = {broker.deliveries[0].position, broker.deliveries[1].position};
    broker.cut();
    const bool restarted = GENERATE(false, true);
    INFO("restarted " << restarted);
    if (restarted) messaging.restart();
    broker.deliveries.clear();
    broker.connect(
        11, [&](std::string& out) { msg_link::encode_resume_stream(out, 1, outstanding[1], outstanding, 2, 2'000); });
    broker.credit(1, 4);
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return broker.payloads(1).size() >= 2; }));
    messaging.settle();
    CHECK(broker.payloads(1) == texts{"2", "3"});
    broker.credit(1, 5);
    REQUIRE(messaging.loop->run_until([&] { return broker.payloads(1).size() >= 3; }));
    CHECK(broker.payloads(1) == texts{"2", "3", "4"});
}

TEST_CASE("resume: what cannot be resumed is ended, never silently lost", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a");
    messaging.settle();
    broker.cut();
    messaging.advance(std::chrono::seconds(31));
    broker.connect(1, [](std::string& out) {
        msg_link::encode_resume_stream(out, 1, 0, {});
        msg_link::encode_resume_claim(out, 4711);
    });
    CHECK_FALSE(broker.welcome.resumed);
    CHECK(broker.ended.at(1) == msg_link::reason::lost);
    CHECK(broker.evicted == std::vector<std::uint64_t>{4711});
}

TEST_CASE("resume: a stream the client does not name any more is closed", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a");
    broker.subscribe(2, "a");
    messaging.settle();
    broker.cut();
    broker.connect(1, [](std::string& out) { msg_link::encode_resume_stream(out, 2, 0, {}); });
    broker.topic(1, "a");
    broker.publish(1, "x");
    messaging.settle();
    CHECK(broker.payloads(1).empty());
    CHECK(broker.payloads(2) == texts{"x"});
}

TEST_CASE("resume: a leased subscription that two share lives until the last of them leaves", "[resume]") {
    memory_messaging messaging;
    link_peer first(messaging, 7), second(messaging, 8);
    for (link_peer* each : {&first, &second}) {
        each->connect();
        msg_link::subscribe frame;
        frame.stream = 1;
        frame.type = msg_link::subscription_type::shared;
        frame.durability = msg_link::durability::leased;
        frame.tenant = "t1";
        frame.name_space = "mqtt";
        frame.name = "both";
        std::string out;
        encode(out, frame);
        msg_link::encode_filter_add(out, {1, 100, 1, "a"});
        encode(out, msg_link::credit{1, 100, 1u << 20});
        each->send(out);
    }
    messaging.settle();
    REQUIRE(messaging.hub->tenants().at("t1")->subscriptions.size() == 1);
    SECTION("the first closes its stream") { first.close(1); }
    SECTION("the first comes back and does not name it any more") {
        first.cut();
        first.connect();
    }
    messaging.advance(std::chrono::milliseconds(100));
    CHECK(messaging.hub->tenants().at("t1")->subscriptions.size() == 1);
    second.topic(1, "a");
    second.publish(1, "x");
    messaging.settle();
    CHECK(second.payloads(1) == texts{"x"});
    CHECK(second.ended.empty());
    second.close(1);
    messaging.advance(std::chrono::milliseconds(100));
    CHECK(messaging.hub->tenants().at("t1")->subscriptions.size() == 0);
}

TEST_CASE("resume: what came again below the newest position and was lost on the way comes once more", "[resume]") {
    memory_messaging messaging;
    link_peer one(messaging, 1);
    link_peer two(messaging, 2);
    one.connect();
    two.connect();
    using enum msg_link::subscription_type;
    one.subscribe(1, "a", 2, 1, "s", 0, shared);
    one.topic(1, "a");
    for (const auto* text : {"0", "1"}) one.publish(1, text);
    messaging.settle();
    REQUIRE(one.payloads(1) == texts{"0"});
    two.subscribe(1, "a", 2, 10, "s", 0, shared);
    messaging.settle();
    REQUIRE(two.payloads(1) == texts{"1"});
    const auto taken = two.deliveries[0].position;
    two.acknowledge(1, taken, taken);
    one.close(1); // its message goes to the other, whose link drops before it arrives
    two.cut();
    two.deliveries.clear();
    two.connect(1, [&](std::string& out) { msg_link::encode_resume_stream(out, 1, taken, {}, 1, 20); });
    two.credit(1, 10);
    CHECK(two.payloads(1) == texts{"0"});
    CHECK(messaging.backlog("t1") == 20);
}

TEST_CASE("resume: what was given back is not taken for acknowledged", "[resume]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 10, "s");
    broker.topic(1, "a");
    broker.publish(1, "x");
    messaging.settle();
    broker.read();
    const auto at = broker.deliveries.at(0).position;
    broker.give_back(1, at, at, 1'000);
    broker.cut();
    broker.deliveries.clear();
    broker.connect(2, [&](std::string& out) { msg_link::encode_resume_stream(out, 1, at, {}, 1, 20); });
    broker.credit(1, 10);
    CHECK(broker.payloads(1).empty());
    messaging.advance(std::chrono::milliseconds(1'200));
    CHECK(broker.payloads(1) == texts{"x"});
}

TEST_CASE("resume: random cuts and restarts settle each publish exactly once and in order", "[resume][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    messaging::topic::limits limits;
    limits.lease = std::chrono::hours(1);
    memory_messaging messaging(limits);
    link_peer reader(messaging, 8);
    link_peer broker(messaging, 7);
    std::uint64_t next = 1; // sequence of the next new publish
    std::uint64_t reader_taken = 0;
    std::uint64_t reader_credit = 0;
    texts got;
    const auto connect_reader = [&](bool first) {
        reader.deliveries.clear();
        reader.connect(1, [&](std::string& out) {
            if (!first) msg_link::encode_resume_stream(out, 1, reader_taken, {});
        });
        REQUIRE(reader.ended.empty());
    };
    const auto drain_reader = [&] {
        reader.read();
        for (const auto& one : reader.deliveries) {
            got.push_back(one.payload);
            reader_taken = std::max(reader_taken, one.position);
            if (one.must_acknowledge && random() % 2 == 0) reader.acknowledge(1, one.position, one.position);
        }
        reader.deliveries.clear();
        reader_credit += 50;
        reader.credit(1, reader_credit + got.size());
    };
    const auto connect_broker = [&] {
        broker.connect(broker.settled + 1);
        broker.topic(1, "a");
        for (auto again = broker.settled + 1; again < next; ++again) broker.publish(1, std::to_string(again));
    };
    connect_reader(true);
    reader.subscribe(1, "a", 1, 100);
    messaging.settle();
    connect_broker();
    for (int round = 0; round < 300; ++round) {
        switch (random() % 6) {
        case 0:
        case 1:
        case 2:
            for (auto i = random() % 20; i > 0; --i) broker.publish(1, std::to_string(next++));
            break;
        case 3: messaging.settle(); break;
        case 4:
            drain_reader();
            broker.cut();
            connect_broker();
            break;
        case 5:
            if (random() % 4 != 0) break;
            drain_reader();
            messaging.restart();
            connect_reader(false);
            connect_broker();
            break;
        }
        broker.read();
        drain_reader();
    }
    messaging.settle();
    broker.read();
    REQUIRE(broker.settled == next - 1);
    CHECK(broker.outcomes.empty());
    const auto finished = [&] {
        drain_reader();
        return got.size() >= next - 1;
    };
    REQUIRE(messaging.loop->run_until(finished));
    texts expected;
    for (std::uint64_t i = 1; i < next; ++i) expected.push_back(std::to_string(i));
    CHECK(got == expected);
}
