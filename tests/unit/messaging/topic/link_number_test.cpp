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
