// Topic numbers of a link: what a refused one and one that took another's place stand for.
#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

TEST_CASE("limits: a topic that becomes free serves a number that was refused", "[topic][limits]") {
    messaging::topic::limits limits;
    limits.topics_per_tenant = 1;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    broker.topic(1, "a");
    broker.topic(2, "b");
    broker.publish(2, "x");
    messaging.settle();
    broker.read();
    CHECK(broker.outcomes.at(1) == msg_link::reason::topic_limit);
    std::string out;
    msg_link::encode_topic_close(out, 1);
    broker.send(out);
    messaging.advance(std::chrono::milliseconds(100));
    broker.publish(2, "x");
    messaging.settle();
    broker.read();
    CHECK(broker.outcomes.at(2) == msg_link::reason::no_subscribers);
}

TEST_CASE("topics: a topic that takes the place of a removed one is told under its own name", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    for (std::uint32_t i = 1; i <= 50; ++i) {
        const auto name = "n" + std::to_string(i);
        broker.subscribe(i, name);
        broker.topic(i, name);
        broker.publish(i, name);
        messaging.settle();
        broker.read();
        REQUIRE(broker.deliveries.back().topic == name);
        broker.acknowledge(i, broker.deliveries.back().position, broker.deliveries.back().position);
        std::string out;
        encode(out, msg_link::stream_close{i, true});
        msg_link::encode_topic_close(out, i);
        broker.send(out);
        messaging.advance(std::chrono::milliseconds(100));
    }
}

TEST_CASE("topics: 100,000 short-lived ones leave neither side of a link with more than the table's bound",
          "[topic][names]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    const bool old = GENERATE(false, true);
    if (old) broker.speaks = 1;
    broker.connect();
    broker.subscribe(1, "#", 0, 1'000'000);
    const std::uint32_t topics = old ? 25'000 : 100'000;
    std::uint64_t taken = 0;
    for (std::uint32_t i = 1; i <= topics; ++i) {
        broker.topic(i, "n" + std::to_string(i));
        broker.publish(i, "x", 0, 0);
        std::string out;
        if (i % 1'000 == 0) {
            messaging.settle();
            broker.read();
            taken += broker.deliveries.size();
            REQUIRE(broker.deliveries.back().topic == "n" + std::to_string(i));
            broker.deliveries.clear();
            for (auto gone = i - 999; gone <= i; ++gone) msg_link::encode_topic_close(out, gone);
            encode(out, msg_link::window{taken, taken * 20});
            broker.send(out);
            broker.read();
        }
    }
    CHECK(taken == topics);
    if (old)
        CHECK(broker.names_known() == topics); // it would not understand
    else
        CHECK(broker.names_known() == messaging::topic::told_topics::kept_max);
}

TEST_CASE("topics: a refused topic fails a claim that asked for it, so that nothing overtakes", "[topic][claim]") {
    messaging::topic::limits limits;
    limits.topics_per_tenant = 1;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 7);
    broker.connect();
    const bool fails = GENERATE(true, false);
    broker.claim("c", {}, {}, fails);
    messaging.settle();
    broker.read();
    const auto claim = broker.claims.at(1);
    broker.topic(1, "taken");
    broker.topic(2, "over");
    broker.publish(2, "first", claim);
    std::string out;
    msg_link::encode_topic_close(out, 1);
    broker.send(out);
    messaging.settle();
    messaging.advance(std::chrono::milliseconds(100)); // there is room now
    broker.publish(2, "second", claim);
    messaging.settle();
    broker.read();
    CHECK(broker.outcomes.at(2) == msg_link::reason::topic_limit);
    CHECK(broker.outcomes.at(3) == (fails ? msg_link::reason::previous_refused : msg_link::reason::no_subscribers));
}
