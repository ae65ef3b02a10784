#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

namespace {

struct watched {
    watched() : watcher(messaging, 99), broker(messaging, 1) {
        watcher.connect();
        watcher.subscribe(1, "will", 2, 1'000, "watch");
        broker.connect();
        messaging.settle();
    }
    texts wills() {
        messaging.settle();
        return watcher.payloads(1);
    }
    std::uint64_t claimed(link_peer& by, const std::string& client) {
        by.claim(client, "will", "gone " + client);
        messaging.settle();
        by.read();
        return by.claims.rbegin()->second;
    }

    memory_messaging messaging;
    link_peer watcher;
    link_peer broker;
};

} // namespace

TEST_CASE("claim: answered when durable; released without will publishes nothing",
          "[claim][MQTT5-3.14.4-3][MQTT311-3.14.4-3]") {
    watched all;
    const auto claim = all.claimed(all.broker, "c1");
    CHECK(claim > 0);
    all.broker.release(claim, false);
    CHECK(all.wills().empty());
    CHECK(all.messaging.hub->claim_count() == 0);
}

TEST_CASE("claim: released with will publishes it once",
          "[claim][MQTT5-3.1.2-8][MQTT311-3.1.2-8][MQTT311-3.1.2-10][MQTT5-3.1.2-10]") {
    watched all;
    const auto claim = all.claimed(all.broker, "c1");
    all.broker.release(claim, true);
    CHECK(all.wills() == texts{"gone c1"});
    all.broker.release(claim, true);
    CHECK(all.wills() == texts{"gone c1"});
}

TEST_CASE("claim: a newer one supersedes, fences and evicts the older",
          "[claim][MQTT5-3.1.4-3][MQTT311-3.1.3-2][MQTT311-3.1.4-2][MQTT5-3.1.3-2]") {
    watched all;
    link_peer other(all.messaging, 2);
    other.connect();
    const auto first = all.claimed(all.broker, "c1");
    all.broker.subscribe(5, "a", 1, 10, {}, first);
    const auto second = all.claimed(other, "c1");
    CHECK(second > first);
    all.broker.read();
    CHECK(all.broker.evicted == std::vector<std::uint64_t>{first});
    CHECK(all.broker.ended.at(5) == msg_link::reason::superseded);
    CHECK(all.wills() == texts{"gone c1"});
    all.broker.topic(1, "will");
    all.broker.publish(1, "stale", first);
    all.messaging.settle();
    all.broker.read();
    CHECK(all.broker.outcomes.rbegin()->second == msg_link::reason::superseded);
    all.broker.release(first, true); // the late broker knows nothing of it
    CHECK(all.wills() == texts{"gone c1"});
    other.release(second, true);
    CHECK(all.wills() == texts{"gone c1", "gone c1"});
}

TEST_CASE("claim: of two within one commit the older is told that it has lost",
          "[claim][MQTT5-3.1.4-3][MQTT311-3.1.4-2]") {
    watched all;
    link_peer other(all.messaging, 2);
    other.connect();
    all.broker.claim("c1", "will", "gone c1");
    all.broker.topic(1, "will");
    all.broker.publish(1, "by somebody else"); // behind the claim: it is not mistaken for it
    other.claim("c1", "will", "gone c1 too");
    CHECK(all.wills() == texts{"by somebody else", "gone c1"});
    all.broker.read();
    other.read();
    REQUIRE(all.broker.claims.size() == 1);
    CHECK(all.broker.claims.begin()->second == 0);
    REQUIRE(other.claims.size() == 1);
    CHECK(other.claims.begin()->second != 0);
    CHECK(all.messaging.hub->claim_count() == 1);
    CHECK_FALSE(all.broker.outcomes.contains(all.broker.claims.begin()->first + 1));
}

TEST_CASE("claim: the end of the lease publishes wills exactly once, a reconnect in time none",
          "[claim][lease][MQTT5-3.1.2-8]") {
    watched all;
    const auto claim = all.claimed(all.broker, "c1");
    all.broker.cut();
    all.messaging.advance(std::chrono::seconds(29));
    CHECK(all.wills().empty());
    all.broker.connect(2, [&](std::string& out) { msg_link::encode_resume_claim(out, claim); });
    CHECK(all.broker.welcome.resumed);
    all.messaging.advance(std::chrono::seconds(60));
    CHECK(all.wills().empty());
    all.broker.cut();
    all.messaging.advance(std::chrono::seconds(30));
    CHECK(all.wills() == texts{"gone c1"});
    all.messaging.advance(std::chrono::seconds(60));
    CHECK(all.wills() == texts{"gone c1"});
    all.broker.connect(2, [&](std::string& out) { msg_link::encode_resume_claim(out, claim); });
    CHECK(all.broker.evicted == std::vector<std::uint64_t>{claim});
}

TEST_CASE("claim: a restart of messaging restarts the lease and keeps the will", "[claim][lease]") {
    watched all;
    const auto claim = all.claimed(all.broker, "c1");
    all.messaging.restart();
    all.messaging.advance(std::chrono::seconds(20));
    all.messaging.restart();
    all.messaging.advance(std::chrono::seconds(20));
    all.watcher.connect(1);
    all.watcher.subscribe(2, "will", 2, 1'000, "watch");
    all.messaging.settle();
    CHECK(all.watcher.payloads(2).empty());
    CHECK(all.messaging.hub->find_claim(claim) != nullptr);
    all.messaging.advance(std::chrono::seconds(30));
    CHECK(all.watcher.payloads(2) == texts{"gone c1"});
    all.messaging.restart();
    CHECK(all.messaging.hub->find_claim(claim) == nullptr);
}

TEST_CASE("claim: numbers are never used twice, not even over restarts", "[claim]") {
    watched all;
    std::uint64_t last = 0;
    for (int round = 0; round < 4; ++round) {
        link_peer broker(all.messaging, static_cast<std::uint64_t>(100 + round));
        broker.connect();
        const auto claim = all.claimed(broker, "c" + std::to_string(round));
        CHECK(claim > last);
        last = claim;
        broker.release(claim, false);
        all.messaging.settle();
        all.messaging.restart();
    }
}

TEST_CASE("claim: an answer lost with the link is given again", "[claim][resume]") {
    watched all;
    all.broker.claim("c1");
    all.messaging.settle();
    all.broker.cut(); // the answer was on its way
    CHECK(all.broker.claims.empty());
    all.broker.connect(1);
    REQUIRE(all.broker.claims.contains(1));
    CHECK(all.broker.claims.at(1) != 0);
}

TEST_CASE("claim: only brokers may claim", "[claim][isolation]") {
    memory_messaging messaging;
    link_peer application(messaging, 5, false);
    application.connect();
    application.claim("c1");
    messaging.settle();
    application.read();
    CHECK(application.claims.at(1) == 0);
    CHECK(messaging.hub->claim_count() == 0);
}
