#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;
using namespace std::chrono_literals;

namespace {
/// Ten messages, one a second, kept by "keeper"; "s" has taken them all and acknowledged the first five.
struct sought {
    sought() {
        broker.connect();
        broker.subscribe(9, "#", 2, 0, "keeper");
        broker.subscribe(1, "#", 2, 1'000, "s");
        broker.topic(1, "a");
        broker.topic(2, "b");
        for (int i = 0; i < 10; ++i) {
            times.push_back(messaging.hub->now_ms());
            broker.publish(i % 2 == 0 ? 1 : 2, std::to_string(i));
            messaging.settle();
            messaging.advance(1s);
        }
        broker.read();
        broker.acknowledge(1, 0, broker.deliveries.at(4).position);
        broker.deliveries.clear();
    }
    texts after(msg_link::seek_to to, std::uint64_t time_ms, bool restarted) {
        broker.seek(1, to, time_ms);
        messaging.settle();
        broker.read();
        CHECK(broker.ended.at(1) == msg_link::reason::moved);
        if (restarted) messaging.restart();
        link_peer again(messaging, 8);
        again.connect();
        again.subscribe(1, "#", 2, 1'000, "s");
        again.topic(1, "a");
        again.publish(1, "end");
        messaging.settle();
        texts got;
        REQUIRE(messaging.loop->run_until([&] {
            got = again.payloads(1);
            return !got.empty() && got.back() == "end";
        }));
        again.acknowledge(1, 0, ~0ULL);
        const auto* held = messaging.hub->find_subscription("t1", "mqtt", "s");
        CHECK(held->held_bytes == 0);
        CHECK(held->in_cursor() == 0);
        got.pop_back();
        return got;
    }
    memory_messaging messaging;
    link_peer broker{messaging, 7};
    std::vector<std::int64_t> times;
};
const texts all_of_them{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
} // namespace

TEST_CASE("seek: earliest brings what is still stored again, durably", "[topic][seek]") {
    const bool restarted = GENERATE(false, true);
    sought all;
    CHECK(all.after(msg_link::seek_to::earliest, 0, restarted) == all_of_them);
}

TEST_CASE("seek: latest acknowledges everything, also what is on its way to the disk", "[topic][seek]") {
    const bool restarted = GENERATE(false, true);
    sought all;
    const auto held = all.messaging.backlog("t1");
    all.broker.publish(1, "not yet on disk");
    CHECK(all.after(msg_link::seek_to::latest, 0, restarted).empty());
    all.broker.connect(20);
    CHECK(all.messaging.backlog("t1") > held); // the keeper's
}

TEST_CASE("seek: a time leads to the first message stored at or after it", "[topic][seek]") {
    const bool restarted = GENERATE(false, true);
    sought all;
    const auto at = GENERATE(0, 3, 8, 10);
    texts expected(all_of_them.begin() + at, all_of_them.end());
    const auto time = at == 10 ? all.messaging.hub->now_ms() + 1'000 : all.times[static_cast<std::size_t>(at)];
    CHECK(all.after(msg_link::seek_to::time, static_cast<std::uint64_t>(time), restarted) == expected);
}

TEST_CASE("seek: what nobody else keeps does not come back, and private streams have no place to go", "[topic][seek]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "a", 2, 10, "s");
    broker.subscribe(2, "b", 1, 10);
    broker.topic(1, "a");
    broker.publish(1, "gone");
    broker.publish(1, "there");
    messaging.settle();
    broker.read();
    broker.acknowledge(1, 0, broker.deliveries.at(0).position);
    broker.seek(1, msg_link::seek_to::earliest);
    broker.seek(2, msg_link::seek_to::earliest);
    broker.read();
    CHECK(broker.ended.at(2) == msg_link::reason::bad_request);
    broker.deliveries.clear();
    broker.subscribe(3, "a", 2, 10, "s");
    CHECK(broker.payloads(3) == texts{"there"});
}

TEST_CASE("seek: a client of version 1 hears a reason that it knows", "[topic][seek]") {
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.speaks = 1;
    broker.connect();
    CHECK(broker.welcome.version == 1);
    broker.subscribe(1, "a", 2, 10, "s");
    broker.seek(1, msg_link::seek_to::earliest);
    broker.read();
    CHECK(broker.ended.at(1) == msg_link::reason::lost);
}
