#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

TEST_CASE("hub recovery: durable subscriptions keep exactly what they have not acknowledged", "[recovery]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 4, "sub");
    broker.topic(1, "a");
    for (int i = 0; i < 8; ++i) broker.publish(1, std::to_string(i));
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 4);
    broker.acknowledge(1, broker.deliveries[0].position, broker.deliveries[1].position);
    broker.acknowledge(1, broker.deliveries[3].position, broker.deliveries[3].position);
    messaging.advance(std::chrono::milliseconds(100)); // writes the cursor
    const auto held = messaging.backlog("t1");
    CHECK(held == 5 * 20);
    messaging.restart();
    CHECK(messaging.backlog("t1") == held);
    link_peer again(messaging, 8);
    again.connect();
    again.subscribe(1, "a", 2, 100, "sub");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return again.payloads(1).size() >= 5; }));
    CHECK(again.payloads(1) == texts{"2", "4", "5", "6", "7"});
    CHECK(again.deliveries[0].count == 2);
    CHECK(again.deliveries[1].count == 1);
}

TEST_CASE("hub recovery: positions go on behind everything before, and the incarnation changes", "[recovery]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 100, "sub");
    broker.topic(1, "a");
    broker.publish(1, "x");
    messaging.settle();
    broker.read();
    const auto before = broker.deliveries.at(0).position;
    const auto incarnation = messaging.hub->incarnation();
    messaging.restart();
    CHECK(messaging.hub->incarnation() != incarnation);
    CHECK(messaging.hub->tenants().at("t1")->position >= before + (1ULL << 20));
}

TEST_CASE("hub recovery: snapshots and recycled segments lose nothing", "[recovery][snapshot]") {
    messaging::topic::limits limits;
    limits.backlog_bytes_per_topic = 1ULL << 30;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 1'000'000, "fast");
    broker.subscribe(2, "b", 2, 0, "slow");
    broker.topic(1, "a");
    broker.topic(2, "b");
    broker.publish(2, "kept from the first segment");
    std::string out;
    msg_link::state_request put;
    put.tenant = "t1";
    put.name_space = "mapper";
    put.key = "k";
    put.flag = true;
    put.value = core::as_bytes("value");
    msg_link::encode_state_put(out, put);
    broker.send(out);
    std::uint64_t records = 0;
    for (int round = 0; round < 200; ++round) { // 200 × 10 × 1 KiB: eight segments
        for (int i = 0; i < 10; ++i) broker.publish(1, std::string(1'000, 'x'));
        messaging.settle();
        broker.read();
        for (const auto& one : broker.deliveries) broker.acknowledge(1, one.position, one.position);
        records += broker.deliveries.size();
        broker.deliveries.clear();
        out.clear();
        encode(out, msg_link::window{records, records * 1'000});
        broker.send(out);
        messaging.advance(std::chrono::milliseconds(100));
    }
    CHECK(records == 2'000);
    CHECK(messaging.hub->log().stats().snapshots > 3);
    CHECK(messaging.hub->log().stats().segments <= 4);
    messaging.restart();
    CHECK(messaging.hub->log().report().snapshot_commit > 0);
    REQUIRE(messaging.hub->states("t1", "mapper") != nullptr);
    CHECK(messaging.hub->states("t1", "mapper")->at("k") == "value");
    CHECK(messaging.backlog("t1") == 19 + std::string("kept from the first segment").size());
    link_peer again(messaging, 8);
    again.connect();
    again.subscribe(2, "b", 2, 10, "slow");
    messaging.settle();
    REQUIRE(messaging.loop->run_until([&] { return !again.payloads(2).empty(); }));
    CHECK(again.payloads(2) == texts{"kept from the first segment"});
}

TEST_CASE("hub recovery: a power cut loses nothing that was settled", "[recovery][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int life = 0; life < 30; ++life) {
        memory_messaging messaging;
        link_peer broker(messaging, 7);
        broker.connect();
        broker.subscribe(1, "a", 2, 0, "sub");
        broker.topic(1, "a");
        messaging.settle();
        const auto settled_rounds = random() % 5;
        int number = 0;
        for (std::uint64_t i = 0; i < settled_rounds; ++i) {
            for (auto n = random() % 10; n > 0; --n) broker.publish(1, std::to_string(number++));
            messaging.settle();
        }
        broker.read();
        const auto promised = number;
        for (auto n = random() % 10; n > 0; --n) broker.publish(1, std::to_string(number++));
        messaging.hub->flush(); // on its way, nobody was told
        messaging.power_cut(random);
        link_peer again(messaging, 8);
        again.connect();
        again.subscribe(1, "a", 2, 1'000, "sub");
        messaging.settle();
        (void)messaging.loop->run_until([&] { return again.payloads(1).size() >= static_cast<std::size_t>(promised); });
        const auto got = again.payloads(1);
        REQUIRE(got.size() >= static_cast<std::size_t>(promised));
        for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == std::to_string(i));
    }
}
