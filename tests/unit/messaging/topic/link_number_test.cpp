// Topic numbers of a link: what one that took another's place stands for.
#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

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
