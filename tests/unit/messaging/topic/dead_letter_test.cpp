#include "common/record/properties.hpp"
#include "tests/unit/messaging/topic/link_peer.hpp"

#include <cerrno>

using namespace support;
using namespace std::chrono_literals;

namespace {
struct failing {
    explicit failing(messaging::topic::limits limits = {}) : messaging(limits) {
        messaging.hub->on_alarm([this](const std::string&, std::string_view type) { alarms.emplace_back(type); });
        broker.connect();
        broker.subscribe(1, "a", 2, 1'000, "s");
        messaging.hub->set_max_deliveries(*messaging.hub->find_subscription("t1", "mqtt", "s"), 2);
        broker.topic(1, "a");
        broker.publish(1, "poison");
        broker.publish(1, "good");
        messaging.settle();
        broker.read();
    }
    /// The first of what was delivered last fails.
    void fail() {
        const auto at = broker.deliveries.at(0).position;
        broker.deliveries.clear();
        broker.give_back(1, at, at);
        messaging.settle();
        broker.read();
    }
    memory_messaging messaging;
    link_peer broker{messaging, 7};
    texts alarms;
};
} // namespace

TEST_CASE("dead letters: after the last delivery the message moves there in one write, with the reasons",
          "[topic][dead]") {
    failing all;
    all.fail();
    CHECK(all.broker.payloads(1) == texts{"poison", "good"});
    all.fail();
    CHECK(all.broker.payloads(1) == texts{"good"});
    CHECK(all.broker.deliveries[0].count == 1);
    CHECK(all.messaging.hub->stats().dead_letters == 1);
    CHECK(all.messaging.backlog("t1") == 23); // "good"; dead letters count for no quota
    const bool restarted = GENERATE(false, true);
    if (restarted) all.messaging.restart();
    link_peer reader(all.messaging, 9);
    reader.connect();
    msg_link::subscribe frame;
    frame.stream = 1;
    frame.durability = msg_link::durability::durable;
    frame.start = msg_link::start_at::earliest;
    frame.tenant = "t1";
    frame.name_space = "mqtt";
    frame.name = "reader";
    std::string out;
    encode(out, frame);
    msg_link::encode_filter_add(out, {1, 1, 2, "$dead/s"});
    encode(out, msg_link::credit{1, 10, 1 << 20});
    reader.send(out);
    REQUIRE(all.messaging.loop->run_until([&] { return !reader.payloads(1).empty(); }));
    CHECK(reader.payloads(1) == texts{"poison"});
    CHECK(reader.deliveries[0].topic == "$dead/s");
    std::map<std::string, std::string> why;
    record::property_reader properties(reader.last_properties);
    while (const auto one = properties.next())
        if (one->id == record::property::user_property) why[std::string(one->name)] = one->text;
    CHECK(why["dead.reason"] == "max_deliveries");
    CHECK(why["dead.deliveries"] == "2");
    CHECK(why["dead.subscription"] == "s");
    CHECK(why["dead.topic"] == "a");
    if (!restarted) return;
    // And the original did not come back.
    reader.subscribe(2, "a", 2, 10, "s");
    all.messaging.settle();
    REQUIRE(all.messaging.loop->run_until([&] { return !reader.payloads(2).empty(); }));
    CHECK(reader.payloads(2) == texts{"good"});
}

TEST_CASE("dead letters: a full topic leaves the message where it is, counted and told", "[topic][dead]") {
    messaging::topic::limits limits;
    limits.kept_bytes_per_topic = 50;
    failing all(limits);
    all.fail();
    all.fail();
    CHECK(all.broker.payloads(1) == texts{"poison", "good"});
    CHECK(all.broker.deliveries[0].count == 3);
    CHECK(all.messaging.hub->stats().dead_letters == 0);
    CHECK(all.messaging.hub->stats().dead_letters_refused == 1);
    CHECK(all.alarms == texts{"c8y_MqttService_DeadLettersFull"});
}

TEST_CASE("dead letters: when the log refuses the write the message is still there", "[topic][dead]") {
    failing all;
    all.fail();
    all.messaging.files.fail_write(0, ENOSPC, 0);
    all.fail();
    const auto* held = all.messaging.hub->find_subscription("t1", "mqtt", "s");
    CHECK(all.broker.payloads(1) == texts{"good"}); // it does not stop the others
    CHECK(all.messaging.hub->stats().dead_letters == 0);
    CHECK(held->in_cursor() == 2);
    all.messaging.advance(1'200ms); // tried again
    CHECK(all.messaging.hub->stats().dead_letters == 1);
    CHECK(held->in_cursor() == 1);
    CHECK(all.messaging.backlog("t1") == 23);
}
