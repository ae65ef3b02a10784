#include "common/record/filter.hpp"

#include <catch2/catch.hpp>

TEST_CASE("filter: matching follows the specification's examples",
          "[record][MQTT5-4.7.1-1][MQTT311-4.7.1-2][MQTT311-3.3.2-3][MQTT311-4.7.1-3][MQTT311-4.7.2-1]"
          "[MQTT311-4.7.3-4][MQTT5-3.3.2-3][MQTT5-4.7.1-2][MQTT5-4.7.2-1][MQTT5-4.7.3-4]") {
    struct row {
        const char* filter;
        const char* topic;
        bool matches;
    };
    const row rows[] = {
        {"a/b", "a/b", true},     {"a/b", "a/B", false},      {"a/b", "a/b/c", false},    {"a/b/c", "a/b", false},
        {"+", "a", true},         {"+", "/a", false},         {"+/+", "/a", true},        {"/+", "/a", true},
        {"a/+/c", "a/b/c", true}, {"a/+/c", "a//c", true},    {"a/+", "a", false},        {"a/+", "a/", true},
        {"#", "a/b/c", true},     {"a/#", "a", true},         {"a/#", "a/", true},        {"a/#", "a/b/c", true},
        {"a/#", "ab", false},     {"a/+/#", "a/b", true},     {"a/+/#", "a", false},      {"#", "$SYS/x", false},
        {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"$SYS/+", "$SYS/x", true}, {"", "", true},
        {"/", "/", true},         {"a/", "a", false},         {"a", "a/", false}};
    for (const auto& one : rows) {
        INFO(one.filter << " / " << one.topic);
        CHECK(record::filter_matches(one.filter, one.topic) == one.matches);
    }
}
