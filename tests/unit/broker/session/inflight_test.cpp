#include "broker/session/inflight.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace broker;
using session::delivery_window;
using session::receipt_window;

TEST_CASE("receipts leave in the order they came, across growth and wrap-around") {
    receipt_window window;
    std::uint16_t in = 0;
    std::uint16_t out = 0;
    for (int round = 0; round < 300; ++round) {
        for (int i = 0; i < round % 17; ++i) window.push({++in, mqtt::reason_code::success, false});
        CHECK(window.contains(in) == !window.empty());
        for (int i = 0; i < round % 13 && !window.empty(); ++i) {
            REQUIRE(window.front().packet_identifier == ++out);
            window.pop();
        }
    }
    while (!window.empty()) {
        REQUIRE(window.front().packet_identifier == ++out);
        window.pop();
    }
    CHECK(in == out);
    window.release_memory();
    window.push({7, mqtt::reason_code::success, false});
    CHECK(window.contains(7));
}

TEST_CASE("an answer goes to the oldest unanswered receipt and to no other") {
    receipt_window window;
    CHECK_FALSE(window.answer(1, mqtt::reason_code::success));
    window.push({1, mqtt::reason_code::success, false});
    window.push({2, mqtt::reason_code::topic_name_invalid, true});
    window.push({3, mqtt::reason_code::success, false});
    CHECK_FALSE(window.answer(3, mqtt::reason_code::success));
    CHECK(window.answer(1, mqtt::reason_code::success));
    CHECK_FALSE(window.answer(1, mqtt::reason_code::success));
    CHECK(window.answer(3, mqtt::reason_code::quota_exceeded));
    CHECK(window.front().answered);
}

TEST_CASE("identifiers towards the client are never 0 and never in use", "[MQTT311-2.3.1-4][MQTT5-2.2.1-4]") {
    const std::uint16_t limit = GENERATE(std::uint16_t{1}, std::uint16_t{8}, std::uint16_t{20}, std::uint16_t{64},
                                         std::uint16_t{1000}, std::uint16_t{65535});
    delivery_window window;
    window.limit(limit);
    std::set<std::uint16_t> in_use;
    for (std::uint32_t i = 0; i < limit; ++i) {
        REQUIRE_FALSE(window.full());
        const std::uint16_t id = window.add({i, i});
        REQUIRE(id != 0);
        REQUIRE(in_use.insert(id).second);
    }
    CHECK(window.full());
    CHECK_FALSE(window.remove(0));
    if (limit < 65535) CHECK_FALSE(window.remove(static_cast<std::uint16_t>(limit + 1)));
    const std::uint16_t first = *in_use.begin();
    REQUIRE(window.remove(first));
    CHECK_FALSE(window.remove(first));
    CHECK(window.add({77, 1}) == first);
    const auto ended = window.remove(first);
    REQUIRE(ended);
    CHECK(ended->position == 77);
}

TEST_CASE("a freed identifier comes back as late as the window allows") {
    delivery_window window;
    window.limit(8);
    const std::uint16_t first = window.add({1, 0});
    REQUIRE(window.remove(first));
    for (int i = 0; i < 7; ++i) CHECK(window.add({2, 0}) != first);
    CHECK(window.add({3, 0}) == first);
}
