#include "broker/relay/filter_set.hpp"

#include <catch2/catch.hpp>

using broker::relay::filter_set;

TEST_CASE("filters are compared byte by byte, wildcards are not expanded", "[MQTT311-3.10.4-1][MQTT5-3.10.4-1]") {
    filter_set filters;
    filters.put("a/b", 1, false);
    filters.put("a/+", 0, false);
    for (const char* other : {"a/B", "a/b/", "/a/b", "a/#", "+/b", "a", ""}) {
        INFO(other);
        CHECK_FALSE(filters.contains(other));
        CHECK_FALSE(filters.remove(other));
    }
    CHECK(filters.remove("a/+"));
    CHECK_FALSE(filters.contains("a/+"));
    CHECK(filters.contains("a/b"));
    // Composed and decomposed forms of one letter are two filters.
    filters.put("\xC3\xA4", 0, false);
    CHECK_FALSE(filters.contains("a\xCC\x88"));
}

TEST_CASE("No Local: own messages come back only for filters without it", "[MQTT5-3.8.3-3]") {
    filter_set filters;
    CHECK_FALSE(filters.any_no_local());
    filters.put("a/b", 1, true);
    CHECK(filters.any_no_local());
    CHECK_FALSE(filters.own_message_qos("a/b"));
    filters.put("a/+", 0, false); // overlaps, without No Local, at its own QoS
    CHECK(filters.own_message_qos("a/b") == 0);
    filters.put("#", 1, false);
    CHECK(filters.own_message_qos("a/b") == 1);
    CHECK(filters.own_message_qos("x") == 1);
    filters.put("#", 1, true);
    CHECK_FALSE(filters.own_message_qos("x"));
}

TEST_CASE("a filter subscribed again takes the new QoS and the new No Local", "[MQTT311-3.8.4-3][MQTT5-3.8.4-3]") {
    filter_set filters;
    filters.put("a", 0, true);
    filters.put("a", 1, false);
    CHECK_FALSE(filters.any_no_local());
    CHECK(filters.own_message_qos("a") == 1);
    filters.put("a", 0, true);
    CHECK(filters.any_no_local());
    CHECK_FALSE(filters.own_message_qos("a"));
    CHECK(filters.remove("a"));
    CHECK_FALSE(filters.any_no_local());
    CHECK_FALSE(filters.remove("a"));
}
