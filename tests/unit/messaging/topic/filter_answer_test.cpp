// What a link is told about its filters, and in which order.
#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

namespace {

/// Requests in the order of their answers.
std::vector<std::uint32_t> answered(link_peer& by) {
    std::vector<std::uint32_t> order;
    std::string batch;
    while (by.session().output().take(batch)) {
        auto bytes = core::as_bytes(batch);
        msg_link::raw_frame frame;
        while (msg_link::next_frame(bytes, frame)) {
            msg_link::stream_answer one;
            if (frame.kind != msg_link::type::filter_done) continue;
            REQUIRE(msg_link::decode_filter_done(frame.body, one));
            CHECK(one.why == msg_link::reason::ok);
            order.push_back(one.request);
        }
    }
    return order;
}

} // namespace

TEST_CASE("link session: additions and removals of filters are answered in the order they were asked for", "[topic]") {
    memory_messaging messaging;
    link_peer broker(messaging, 1);
    broker.connect();
    broker.subscribe(7, "a");
    messaging.settle();
    (void)answered(broker);
    std::string out;
    msg_link::encode_filter_add(out, {7, 1, 1, "b"});
    msg_link::encode_filter_remove(out, {7, 2, 0, "b"});
    msg_link::encode_filter_add(out, {7, 3, 0, "c"});
    msg_link::encode_filter_remove(out, {7, 4, 0, "a"});
    broker.send(out);
    CHECK(answered(broker).empty()); // not before they would outlive a crash
    messaging.settle();
    CHECK(answered(broker) == std::vector<std::uint32_t>{1, 2, 3, 4});
}
