// `$debug/$error/<client>`: kept for the client until it was given to it, bounded per client and tenant (FORMAT.md of
// the link, §6); limits per tenant; alarms.
#include "common/record/device_topics.hpp"
#include "messaging/topic/alarm_board.hpp"
#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

namespace {

constexpr const char* errors_of_c = "$debug/$error/c";

struct world {
    explicit world(messaging::topic::limits with = {}) : messaging(with) {
        broker.connect();
        broker.topic(1, errors_of_c);
    }
    void settle() {
        messaging.settle();
        broker.read();
    }
    /// A connection of client `c`: its claim.
    std::uint64_t connect_client() {
        broker.claim("c");
        settle();
        return broker.claims.rbegin()->second;
    }
    void disconnect_client(std::uint64_t claim) {
        broker.release(claim, false);
        settle();
    }
    void report(const std::string& text) {
        broker.publish(1, text);
        settle();
    }
    void acknowledge_all(std::uint32_t stream) {
        broker.read();
        for (const auto& one : broker.deliveries)
            if (one.stream == stream && one.must_acknowledge) broker.acknowledge(stream, one.position, one.position);
        settle();
    }

    memory_messaging messaging;
    link_peer broker{messaging, 7};
};

texts numbered(int from, int to) {
    texts out;
    for (int i = from; i <= to; ++i) out.push_back("e" + std::to_string(i));
    return out;
}

} // namespace

TEST_CASE("reports: stored without subscribers and given to the client on its next connection", "[topic][reports]") {
    const auto qos = static_cast<std::uint8_t>(GENERATE(0, 1));
    world at;
    at.report("e1");
    at.report("e2");
    CHECK(at.broker.outcomes.empty());
    const auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, qos, 1000, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"e1", "e2"});
    for (const auto& one : at.broker.deliveries) {
        CHECK(one.must_acknowledge == (qos == 1));
        CHECK(one.count == 1);
    }
    at.report("e3");
    CHECK(at.broker.payloads(1) == texts{"e1", "e2", "e3"});
}

TEST_CASE("reports: nothing is given twice, also after a restart of messaging", "[topic][reports]") {
    const auto qos = static_cast<std::uint8_t>(GENERATE(0, 1));
    const bool restart = GENERATE(false, true);
    world at;
    at.report("e1");
    auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, qos, 1000, {}, claim);
    at.settle();
    at.acknowledge_all(1);
    at.report("e2");
    at.acknowledge_all(1);
    REQUIRE(at.broker.payloads(1) == texts{"e1", "e2"});
    at.messaging.advance(std::chrono::milliseconds(200)); // the mark is logged
    at.disconnect_client(claim);
    at.report("e3");
    if (restart) {
        at.messaging.restart();
        at.broker.connect(at.broker.settled + 1);
        at.broker.topic(1, errors_of_c);
    }
    claim = at.connect_client();
    at.broker.subscribe(2, errors_of_c, qos, 1000, {}, claim);
    at.settle();
    // After a restart it is read from the disk first.
    REQUIRE(at.messaging.loop->run_until([&] { return !at.broker.payloads(2).empty(); }));
    at.settle();
    CHECK(at.broker.payloads(2) == texts{"e3"});
}

TEST_CASE("reports: what the client did not acknowledge comes again on its next connection", "[topic][reports]") {
    world at;
    for (const auto& one : numbered(1, 3)) at.report(one);
    auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, 1, 1000, {}, claim);
    at.settle();
    REQUIRE(at.broker.deliveries.size() == 3);
    at.broker.acknowledge(1, at.broker.deliveries[0].position, at.broker.deliveries[0].position);
    at.settle();
    at.disconnect_client(claim);
    claim = at.connect_client();
    at.broker.subscribe(2, errors_of_c, 1, 1000, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(2) == texts{"e2", "e3"});
}

TEST_CASE("reports: come on a stream that has read far beyond them", "[topic][reports]") {
    world at;
    at.report("e1");
    const auto claim = at.connect_client();
    at.broker.subscribe(1, "data", 1, 1000, {}, claim);
    at.broker.topic(2, "data");
    for (int i = 0; i < 20; ++i) at.broker.publish(2, "d" + std::to_string(i));
    at.settle();
    at.acknowledge_all(1);
    std::string out;
    msg_link::encode_filter_add(out, {1, 7, 1, errors_of_c});
    at.broker.send(out);
    at.settle();
    REQUIRE(at.broker.deliveries.size() == 21);
    CHECK(at.broker.deliveries.back().payload == "e1");
    CHECK(at.broker.deliveries.back().topic == errors_of_c);
    at.broker.send(out); // the same SUBSCRIBE again changes nothing
    at.settle();
    CHECK(at.broker.deliveries.size() == 21);
}

TEST_CASE("reports: wait for credit like any message", "[topic][reports]") {
    world at;
    for (const auto& one : numbered(1, 5)) at.report(one);
    const auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, 1, 2, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(1) == numbered(1, 2));
    at.report("e6");
    at.broker.credit(1, 10);
    at.settle();
    CHECK(at.broker.payloads(1) == numbered(1, 6));
}

TEST_CASE("reports: the newest sixteen of a client are kept, for an hour", "[topic][reports]") {
    world at;
    for (const auto& one : numbered(1, 40)) at.report(one);
    auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, 1, 1000, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(1) == numbered(25, 40));
    at.disconnect_client(claim);
    for (int minutes = 0; minutes <= 60; ++minutes) at.messaging.advance(std::chrono::minutes(1));
    at.report("late");
    claim = at.connect_client();
    at.broker.subscribe(2, errors_of_c, 1, 1000, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(2) == texts{"late"});
}

TEST_CASE("reports: an application reads those of all clients and takes nothing from them", "[topic][reports]") {
    world at;
    at.broker.subscribe(5, "$debug/$error/#", 2, 1000, "app");
    at.broker.topic(2, "$debug/$error/other");
    at.settle();
    at.report("e1");
    at.broker.publish(2, "o1");
    at.settle();
    CHECK(at.broker.payloads(5) == texts{"e1", "o1"});
    at.acknowledge_all(5);
    const auto claim = at.connect_client();
    at.broker.subscribe(1, errors_of_c, 1, 1000, {}, claim);
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"e1"});
}

TEST_CASE("reports: count for no quota of messages and are bounded per tenant", "[topic][reports]") {
    messaging::topic::limits limits;
    limits.report_bytes_per_tenant = 4'000;
    limits.report_topics_per_tenant = 5;
    limits.backlog_bytes_per_tenant = 1'000;
    limits.topics_per_tenant = 1;
    world at(limits);
    for (std::uint32_t i = 2; i < 10; ++i) at.broker.topic(i, "$debug/$error/d" + std::to_string(i));
    for (std::uint32_t i = 2; i < 10; ++i)
        for (int n = 0; n < 8; ++n) at.broker.publish(i, std::string(200, 'x'));
    at.settle();
    const auto& owner = *at.messaging.hub->tenants().at("t1");
    CHECK(owner.report_bytes <= 4'000);
    CHECK(owner.report_bytes > 3'000);
    CHECK(owner.report_topics == 5);
    CHECK(owner.backlog_bytes == 0);
    std::size_t full = 0;
    std::size_t topics = 0;
    for (const auto& [sequence, why] : at.broker.outcomes) {
        full += why == msg_link::reason::tenant_backlog_full;
        topics += why == msg_link::reason::topic_limit;
    }
    CHECK(full > 0);
    CHECK(topics == 32); // four topics too many
    for (int minutes = 0; minutes <= 61; ++minutes) at.messaging.advance(std::chrono::minutes(1));
    CHECK(owner.report_bytes == 0);
}

TEST_CASE("reports: only brokers publish below $debug/", "[topic][reports]") {
    world at;
    link_peer application(at.messaging, 8, false);
    application.connect();
    application.topic(1, errors_of_c);
    application.topic(2, "$debug/$alarm");
    application.topic(3, "$dead/x");
    for (std::uint32_t topic = 1; topic <= 3; ++topic) application.publish(topic, "forged");
    at.settle();
    application.read();
    CHECK(application.outcomes.size() == 2);
    for (const auto& [sequence, why] : application.outcomes) CHECK(why == msg_link::reason::not_allowed);
}

TEST_CASE("limits: each tenant has its own, and another value holds at once", "[topic][limits]") {
    memory_messaging messaging;
    std::map<std::string, messaging::topic::limits, std::less<>> own;
    own["t1"].topics_per_tenant = 2;
    messaging.hub->use_limits([&](std::string_view tenant) {
        const auto found = own.find(tenant);
        return found == own.end() ? messaging::topic::limits() : found->second;
    });
    link_peer broker(messaging, 7);
    broker.connect();
    const auto publish = [&](std::uint32_t topic) {
        broker.publish(topic, "x");
        messaging.settle();
        broker.read();
        const auto last = broker.outcomes.find(broker.settled);
        return last == broker.outcomes.end() ? msg_link::reason::ok : last->second;
    };
    for (std::uint32_t i = 1; i <= 4; ++i) broker.topic(i, "a" + std::to_string(i));
    for (std::uint32_t i = 5; i <= 8; ++i) broker.topic(i, "a" + std::to_string(i), "t2");
    CHECK(publish(2) == msg_link::reason::no_subscribers);
    CHECK(publish(3) == msg_link::reason::topic_limit);
    CHECK(publish(8) == msg_link::reason::no_subscribers);
    own["t1"].topics_per_tenant = 3;
    messaging.hub->use_limits([&](std::string_view tenant) { return own[std::string(tenant)]; });
    CHECK(publish(3) == msg_link::reason::no_subscribers); // a number that was refused is served now
    CHECK(publish(4) == msg_link::reason::topic_limit);
}

TEST_CASE("alarm board: once a minute per tenant and type, for the mapper's subscription", "[topic][alarms]") {
    memory_messaging messaging;
    link_peer mapper(messaging, 9, false);
    mapper.connect();
    messaging::topic::alarm_board board(*messaging.hub, messaging.clock);
    const auto type = record::alarm_type(record::to_device_fault::no_key);
    board.raise("t1", type); // before anybody reads
    messaging.settle();
    msg_link::subscribe frame;
    frame.stream = 1;
    frame.type = msg_link::subscription_type::failover;
    frame.durability = msg_link::durability::durable;
    frame.start = msg_link::start_at::earliest;
    frame.tenant = "t1";
    frame.name_space = "mqtt";
    frame.name = "alarms";
    std::string out;
    encode(out, frame);
    msg_link::encode_filter_add(out, {1, 1, 2, "$debug/$alarm"});
    encode(out, msg_link::credit{1, 100, 1 << 20});
    mapper.send(out);
    messaging.settle();
    for (int i = 0; i < 5; ++i) board.raise("t1", type);
    board.raise("t1", record::alarm_type(record::to_device_fault::empty_topic));
    board.raise("t2", type);
    messaging.settle();
    auto got = mapper.payloads(1);
    REQUIRE(got.size() == 2);
    CHECK(got[0] ==
          R"({"type":"c8y_MqttService_ToDevice_NoKey","severity":"WARNING",)"
          R"("text":"A message to `to-device` was dropped: it has no key","time":"2026-01-01T00:00:00.000Z"})");
    CHECK(board.published() == 3);
    CHECK(board.held_back() == 5);
    messaging.advance(std::chrono::minutes(1));
    board.raise("t1", type);
    messaging.settle();
    got = mapper.payloads(1);
    REQUIRE(got.size() == 3);
    CHECK_THAT(got[2], Catch::Contains("(and 5 more since the last alarm)"));
}
