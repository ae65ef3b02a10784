#include "tests/unit/messaging/topic/link_peer.hpp"

#include <thread>

using namespace support;
using namespace std::chrono_literals;
using enum msg_link::subscription_type;

namespace {
void subscribe(link_peer& peer, std::uint32_t stream, const std::string& consumer, std::uint64_t credit = 1'000) {
    peer.subscribe(stream, "a", 2, credit, "ks", 0, key_shared, "t1", consumer);
}
std::set<std::string> keys_of(link_peer& peer, std::uint32_t stream) {
    peer.read();
    std::set<std::string> out;
    for (const auto& one : peer.deliveries)
        if (one.stream == stream) out.insert(one.key);
    return out;
}
std::string key_name(std::uint64_t i) { return "device-" + std::to_string(i); }
} // namespace

TEST_CASE("key-shared: a key has one consumer, all get some, and a name that returns gets its keys back",
          "[topic][keys]") {
    memory_messaging messaging;
    link_peer one(messaging, 1);
    link_peer two(messaging, 2);
    one.connect();
    two.connect();
    subscribe(one, 1, "east");
    subscribe(two, 1, "west");
    one.topic(1, "a");
    const auto publish = [&] {
        for (int round = 0; round < 3; ++round)
            for (std::uint64_t i = 0; i < 60; ++i) one.publish_keyed(1, key_name(i), "x");
        messaging.settle();
    };
    publish();
    const auto east = keys_of(one, 1);
    const auto west = keys_of(two, 1);
    CHECK(east.size() + west.size() == 60);
    CHECK(east.size() > 15);
    CHECK(west.size() > 15);
    one.acknowledge(1, 0, ~0ULL);
    two.acknowledge(1, 0, ~0ULL);
    one.close(1);
    one.deliveries.clear();
    two.deliveries.clear();
    publish();
    CHECK(keys_of(two, 1).size() == 60);
    two.acknowledge(1, 0, ~0ULL);
    const bool restarted = GENERATE(false, true);
    messaging.advance(200ms);
    if (restarted) messaging.restart();
    link_peer again(messaging, 3);
    link_peer other(messaging, 4);
    again.connect();
    other.connect();
    subscribe(other, 1, "west");
    subscribe(again, 7, "east");
    again.topic(1, "a");
    if (!restarted) two.close(1);
    for (std::uint64_t i = 0; i < 60; ++i) again.publish_keyed(1, key_name(i), "x");
    messaging.settle();
    CHECK(keys_of(again, 7) == east);
}

TEST_CASE("key-shared: a key moves only when its old consumer has nothing of it any more", "[topic][keys]") {
    memory_messaging messaging;
    link_peer broker(messaging, 1);
    broker.connect();
    subscribe(broker, 1, "old");
    broker.topic(1, "a");
    for (std::uint64_t i = 0; i < 20; ++i) broker.publish_keyed(1, key_name(i), "first");
    messaging.settle();
    REQUIRE(broker.payloads(1).size() == 20);
    subscribe(broker, 2, "new");
    for (std::uint64_t i = 0; i < 20; ++i) broker.publish_keyed(1, key_name(i), "second");
    messaging.settle();
    const auto stayed = broker.payloads(1).size() - 20;
    CHECK(stayed > 0);
    CHECK(stayed < 20);
    CHECK(broker.payloads(2).empty());
    // One by one they are handed over as they are acknowledged.
    const auto first = broker.deliveries;
    for (std::size_t i = 0; i < 20; ++i) broker.acknowledge(1, first[i].position, first[i].position);
    CHECK(broker.payloads(2).size() == 20 - stayed);
}

TEST_CASE("key-shared: a stuck consumer holds its own keys only, up to the bound", "[topic][keys]") {
    messaging::topic::limits limits;
    limits.held_back_per_subscription = 100;
    memory_messaging messaging(limits);
    link_peer broker(messaging, 1);
    broker.connect();
    subscribe(broker, 1, "stuck", 1);
    subscribe(broker, 2, "fine", 10'000);
    broker.topic(1, "a");
    for (int round = 0; round < 4; ++round)
        for (std::uint64_t i = 0; i < 20; ++i) broker.publish_keyed(1, key_name(i), "x");
    messaging.settle();
    const auto mine = keys_of(broker, 2);
    CHECK(broker.payloads(1).size() == 1);
    CHECK(broker.payloads(2).size() == 4 * mine.size()); // all of them, although the other has stopped
    auto* held = messaging.hub->find_subscription("t1", "mqtt", "ks");
    for (int round = 0; round < 20; ++round)
        for (std::uint64_t i = 0; i < 20; ++i) broker.publish_keyed(1, key_name(i), "x");
    messaging.settle();
    CHECK(held->redeliveries.size() == 100);
    CHECK(broker.payloads(2).size() < 24 * mine.size());
    broker.credit(1, 10'000);
    CHECK(broker.payloads(1).size() == 24 * (20 - mine.size()));
    CHECK(broker.payloads(2).size() == 24 * mine.size());
    CHECK(held->redeliveries.empty());
}

TEST_CASE("key-shared: records without key go round, and wait for nobody", "[topic][keys]") {
    memory_messaging messaging;
    link_peer broker(messaging, 1);
    broker.connect();
    subscribe(broker, 1, "one");
    subscribe(broker, 2, "two");
    broker.topic(1, "a");
    for (int i = 0; i < 10; ++i) broker.publish_keyed(1, "", std::to_string(i));
    messaging.settle();
    CHECK(broker.payloads(1).size() == 5);
    CHECK(broker.payloads(2).size() == 5);
    const auto at = broker.deliveries.at(0);
    broker.give_back(at.stream, at.position, at.position, 1'000);
    messaging.advance(1'200ms);
    broker.read();
    REQUIRE(broker.deliveries.size() == 11);
    CHECK(broker.deliveries.back().payload == at.payload);
    CHECK(broker.deliveries.back().count == 2);
}

TEST_CASE("key-shared: what was given back comes again with what follows in its key, and nothing else does",
          "[topic][keys][nack]") {
    memory_messaging messaging;
    link_peer broker(messaging, 1);
    broker.connect();
    subscribe(broker, 1, "one");
    broker.topic(1, "a");
    for (const auto* text : {"0", "1", "2"}) {
        broker.publish_keyed(1, "k", text);
        broker.publish_keyed(1, "other", text);
    }
    messaging.settle();
    broker.read();
    const auto failed = broker.deliveries.at(2); // "1" of k
    broker.deliveries.clear();
    broker.give_back(1, failed.position, failed.position, 1'000);
    broker.publish_keyed(1, "k", "3");
    broker.publish_keyed(1, "other", "3");
    messaging.settle();
    broker.read();
    REQUIRE(broker.deliveries.size() == 1);
    CHECK(broker.deliveries[0].key == "other");
    broker.deliveries.clear();
    messaging.advance(1'200ms);
    CHECK(broker.payloads(1) == texts{"1", "2", "3"});
    CHECK(broker.deliveries[0].count == 2);
    CHECK(broker.deliveries[1].count == 1);
}

TEST_CASE("key-shared: private and leased subscriptions cannot be", "[topic][keys]") {
    memory_messaging messaging;
    link_peer broker(messaging, 1);
    broker.connect();
    broker.subscribe(1, "a", 2, 10, {}, 0, key_shared);
    broker.read();
    CHECK(broker.subscribed.at(1) == msg_link::reason::bad_request);
}

namespace {
/// What must hold of each key: nobody gets a message while an earlier unacknowledged one of it is not with the same
/// consumer, delivered before.
struct key_model {
    struct message {
        int number = 0;
        bool acknowledged = false;
        std::string with; ///< consumer that has it
    };
    std::map<std::string, std::vector<message>> keys;

    message& find(const std::string& key, int number) {
        for (auto& one : keys[key])
            if (one.number == number) return one;
        throw std::logic_error("a message that was never published");
    }
    void deliver(const std::string& key, int number, const std::string& to) {
        auto& it = find(key, number);
        REQUIRE_FALSE(it.acknowledged);
        REQUIRE(it.with.empty());
        if (!key.empty())
            for (const auto& one : keys[key])
                if (one.number < number && !one.acknowledged) REQUIRE(one.with == to);
        it.with = to;
    }
    void give_back(const std::string& key, int number, const std::string& from) {
        for (auto& one : keys[key])
            if (one.with == from && (one.number == number || (!key.empty() && one.number > number))) one.with.clear();
    }
    void lose(const std::string& consumer) {
        for (auto& [key, all] : keys)
            for (auto& one : all)
                if (one.with == consumer) one.with.clear();
    }
};
} // namespace

TEST_CASE("key-shared: order per key holds while consumers come, go, fail and messaging restarts",
          "[topic][keys][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    messaging::topic::limits limits;
    limits.held_back_per_subscription = 1 + static_cast<std::uint32_t>(random() % 40);
    memory_messaging messaging(limits);
    auto publisher = std::make_unique<link_peer>(messaging, 1);
    publisher->connect();
    publisher->topic(1, "a");
    key_model model;
    struct worker {
        std::unique_ptr<link_peer> peer;
        std::string name;
        std::uint64_t credit = 0;
        std::vector<seen_delivery> held;
    };
    std::vector<worker> workers;
    std::uint64_t next_session = 100;
    int next_number = 1;
    const auto join = [&] {
        worker made;
        made.name = "w" + std::to_string(next_session);
        made.peer = std::make_unique<link_peer>(messaging, next_session++);
        made.peer->connect();
        made.credit = random() % 30;
        // Names come back, the model's do not.
        subscribe(*made.peer, 1, "name" + std::to_string(random() % 5), made.credit);
        workers.push_back(std::move(made));
    };
    const auto take = [&] {
        for (auto& one : workers) {
            one.peer->read();
            for (const auto& at : one.peer->deliveries) {
                model.deliver(at.key, std::stoi(at.payload), one.name);
                one.held.push_back(at);
            }
            one.peer->deliveries.clear();
        }
    };
    const auto acknowledge = [&](worker& one, std::size_t i) {
        const auto at = one.held[i];
        one.held.erase(one.held.begin() + static_cast<std::ptrdiff_t>(i));
        model.find(at.key, std::stoi(at.payload)).acknowledged = true;
        model.find(at.key, std::stoi(at.payload)).with.clear();
        one.peer->acknowledge(1, at.position, at.position);
    };
    join();
    messaging.settle();
    for (int round = 0; round < 400; ++round) {
        take();
        switch (random() % 12) {
        case 0:
        case 1:
        case 2:
            for (auto i = random() % 20; i > 0; --i) {
                const auto key = random() % 8 == 0 ? std::string() : key_name(random() % 6);
                model.keys[key].push_back({next_number, false, {}});
                publisher->publish_keyed(1, key, std::to_string(next_number++));
            }
            break;
        case 3:
        case 4: messaging.settle(); break;
        case 5: messaging.advance(std::chrono::milliseconds(random() % 300)); break;
        case 6:
            if (workers.size() < 4) join();
            break;
        case 7: {
            if (workers.empty()) break;
            const auto i = random() % workers.size();
            workers[i].peer->close(1);
            model.lose(workers[i].name);
            workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
        case 8:
        case 9:
        case 10:
            for (auto& one : workers) {
                while (!one.held.empty() && random() % 4 != 0) acknowledge(one, random() % one.held.size());
                one.credit += random() % 20;
                one.peer->credit(1, one.credit);
                take();
            }
            break;
        case 11: {
            if (random() % 6 == 0) { // killed: what was acknowledged is on disk by now, consumers are gone
                messaging.advance(200ms);
                messaging.settle();
                for (const auto& one : workers) model.lose(one.name);
                workers.clear();
                messaging.restart();
                publisher = std::make_unique<link_peer>(messaging, next_session++);
                publisher->connect();
                publisher->topic(1, "a");
                join();
                break;
            }
            for (auto& one : workers) {
                if (one.held.empty()) continue;
                const auto at = one.held[random() % one.held.size()];
                const auto number = std::stoi(at.payload);
                model.give_back(at.key, number, one.name);
                std::erase_if(one.held, [&](const auto& other) {
                    return other.key == at.key &&
                           (at.key.empty() ? other.position == at.position : other.position >= at.position);
                });
                one.peer->give_back(1, at.position, at.position,
                                    random() % 2 == 0 ? 0 : static_cast<std::uint32_t>(random() % 500));
                take();
            }
            break;
        }
        }
    }
    if (workers.empty()) join();
    const auto all_done = [&] {
        for (auto& one : workers) {
            one.credit += 100;
            one.peer->credit(1, one.credit);
        }
        take();
        for (auto& one : workers)
            while (!one.held.empty()) acknowledge(one, 0);
        take();
        return messaging.backlog("t1") == 0;
    };
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!all_done() && std::chrono::steady_clock::now() < deadline) {
        messaging.advance(500ms);
        std::this_thread::yield(); // the read thread may be at work
    }
    CHECK(messaging.backlog("t1") == 0);
    for (const auto& [key, all] : model.keys)
        for (const auto& one : all) CHECK(one.acknowledged);
    const auto* held = messaging.hub->find_subscription("t1", "mqtt", "ks");
    CHECK(held->held_bytes == 0);
    CHECK(held->in_cursor() == 0);
    CHECK(held->unacknowledged == 0);
}
