// Reading what nobody consumed: from disk, in the order of positions, over any number of topics.
#include "messaging/topic/read_ahead.hpp"
#include "tests/unit/messaging/topic/link_peer.hpp"

#include <random>

using namespace support;
using messaging::topic::read_ahead;

namespace {

std::shared_ptr<const messaging::store::fetched> read_of(const std::vector<std::uint64_t>& positions) {
    auto made = std::make_shared<messaging::store::fetched>();
    made->data = std::string(positions.size(), 'r');
    for (std::size_t i = 0; i < positions.size(); ++i) {
        messaging::store::fetched_entry one;
        one.entry.position = positions[i];
        one.entry.body = core::as_bytes(made->data).subspan(i, 1);
        if (positions[i] == 0) one.error = make_error_code(messaging::store::errc::damaged);
        made->entries.push_back(one);
    }
    return made;
}

} // namespace

TEST_CASE("read-ahead: records are found in any order, and gone when they were used", "[backlog]") {
    read_ahead ahead;
    CHECK(ahead.empty());
    CHECK(ahead.find(1).empty());
    auto read = read_of({3, 5, 0, 9});
    const std::weak_ptr<const messaging::store::fetched> bytes = read;
    ahead.take(std::move(read));
    CHECK(ahead.find(9).size() == 1);
    CHECK(ahead.find(3).size() == 1);
    for (const std::uint64_t other : {0, 1, 4, 10}) CHECK(ahead.find(other).empty());
    ahead.drop(5);
    ahead.drop(5);
    ahead.drop(4);
    CHECK(ahead.find(5).empty());
    CHECK(ahead.find(9).size() == 1);
    ahead.drop(3);
    CHECK_FALSE(bytes.expired());
    ahead.drop(9);
    CHECK(ahead.empty());
    CHECK(bytes.expired());
    ahead.take(read_of({0}));
    CHECK(ahead.empty());
}

TEST_CASE("a backlog over many topics is read from disk in its order, each message once", "[backlog]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    memory_messaging messaging;
    link_peer broker(messaging, 7);
    broker.connect();
    broker.subscribe(1, "#", 2, 0, "slow");
    broker.subscribe(2, "a/3", 2, 1'000'000, "other"); // takes one topic out of the middle at once
    constexpr std::uint32_t topics = 40;
    for (std::uint32_t i = 1; i <= topics; ++i) broker.topic(i, "a/" + std::to_string(i));
    std::vector<std::string> expected;
    for (int i = 0; i < 5'000; ++i) {
        const auto topic = static_cast<std::uint32_t>(1 + random() % topics);
        expected.push_back(std::to_string(topic) + ":" + std::to_string(i));
        broker.publish(topic, expected.back());
        if (i % 97 == 0) messaging.settle();
    }
    messaging.settle();
    if (random() % 2 == 0) {
        messaging.restart();
    }
    link_peer reader(messaging, 8);
    broker.cut();
    messaging.advance(std::chrono::minutes(1)); // the lease of the first one is over
    reader.connect();
    reader.subscribe(1, "#", 2, 1'700, "slow");
    std::uint64_t credit = 1'700;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (reader.deliveries.size() < expected.size()) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        messaging.settle();
        const auto seen = reader.deliveries.size();
        reader.read();
        if (reader.deliveries.size() == seen) continue;
        reader.acknowledge(1, reader.deliveries[seen].position, reader.deliveries.back().position);
        credit = reader.deliveries.size() + 1 + random() % 2'000;
        reader.credit(1, credit);
    }
    CHECK(reader.payloads(1) == expected);
    CHECK(std::is_sorted(reader.deliveries.begin(), reader.deliveries.end(),
                         [](const auto& a, const auto& b) { return a.position < b.position; }));
    for (const auto& one : reader.deliveries) {
        const auto topic = one.payload.substr(0, one.payload.find(':'));
        REQUIRE(one.topic == "a/" + topic);
    }
}
