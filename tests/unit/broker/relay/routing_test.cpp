#include "broker/relay/routing.hpp"

#include <catch2/catch.hpp>

using namespace broker::relay;
using auth::isolation;

namespace {
std::string filter(isolation of, std::string_view client, std::string_view mqtt, std::uint8_t part) {
    std::string out = "left over";
    route_filter(of, client, mqtt, part, out);
    return out;
}
} // namespace

TEST_CASE("routing: with isolation `tenant` MQTT topics and store topics are the same", "[relay]") {
    const auto route = route_publish(isolation::tenant, "a/b");
    CHECK(route.store_topic == "a/b");
    CHECK_FALSE(route.record_topic);
    CHECK(filter_parts(isolation::tenant, "a/+") == 1);
    CHECK(filter(isolation::tenant, "c", "a/+", 0) == "a/+");
    CHECK(mqtt_topic("a/b") == "a/b");
}

TEST_CASE("routing: with isolation `device` all goes to from-device and only what is addressed comes", "[relay]") {
    const auto route = route_publish(isolation::device, "a/b");
    CHECK(route.store_topic == "from-device");
    CHECK(route.record_topic == "a/b");
    CHECK(filter_parts(isolation::device, "a/+") == 2);
    CHECK(filter(isolation::device, "c/1", "a/+", 0) == "$to-device/c%2F1/a/+");
    CHECK(filter(isolation::device, "c/1", "a/+", 1) == "$to-device//a/+");
    CHECK(mqtt_topic("$to-device/c%2F1/a/b") == "a/b");
}

TEST_CASE("routing: $debug/$error is the client's own topic with either isolation", "[relay]") {
    const auto of = GENERATE(isolation::tenant, isolation::device);
    CHECK(filter_parts(of, "$debug/$error") == 1);
    CHECK(filter(of, "c/1", "$debug/$error", 0) == "$debug/$error/c%2F1");
    CHECK(mqtt_topic("$debug/$error/c%2F1") == "$debug/$error");
}
