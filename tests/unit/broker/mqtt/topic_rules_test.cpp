#include "broker/mqtt/topic_rules.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace broker::mqtt;

namespace {

constexpr topic_limits preview{};
constexpr topic_limits ga{256, false, true};

} // namespace

TEST_CASE("topic names",
          "[MQTT311-3.3.2-2][MQTT311-4.7.3-1][MQTT5-4.7.0-1][MQTT311-4.7.1-1][MQTT5-3.3.2-2][MQTT5-4.7.3-1]"
          "[MQTT31-32]") {
    CHECK(check_topic_name("a/b", preview) == topic_verdict::valid);
    CHECK(check_topic_name("/", preview) == topic_verdict::valid);
    CHECK(check_topic_name("a b//", preview) == topic_verdict::valid);
    CHECK(check_topic_name("", preview) == topic_verdict::empty);
    CHECK(check_topic_name("a/+", preview) == topic_verdict::wildcard);
    CHECK(check_topic_name("a#", ga) == topic_verdict::wildcard);
    CHECK(check_topic_name("$SYS/x", preview) == topic_verdict::dollar);
    CHECK(check_topic_name("$debug/$error", preview) == topic_verdict::dollar);
    CHECK(check_topic_name("a$", preview) == topic_verdict::valid);
    CHECK(check_topic_name(std::string(256, 'x'), preview) == topic_verdict::valid);
    CHECK(check_topic_name(std::string(257, 'x'), preview) == topic_verdict::too_long);
}

TEST_CASE("reserved names are true prefixes and whole names (ref A.8)") {
    for (const char* reserved :
         {"s/us", "s/", "t/x", "q/x", "c/x", "alarm/alarms/create", "event/events/create",
          "measurement/measurements/create", "inventory/managedObjects/1", "error", "devicecontrol/notifications"}) {
        INFO(reserved);
        CHECK(check_topic_name(reserved, preview) == topic_verdict::reserved);
        CHECK(check_topic_filter(reserved, preview, true) == topic_verdict::reserved);
        CHECK(check_topic_name(reserved, ga) == topic_verdict::valid);
    }
    for (const char* open :
         {"s", "sensors/12345", "xs/us", "a/s/us", "errors", "errortopic", "error/x", "Error",
          "devicecontrol/notifications/1", "devicecontrol", "alarm/alarmsx", "alarm", "event/event/x"}) {
        INFO(open);
        CHECK(check_topic_name(open, preview) == topic_verdict::valid);
    }
}

TEST_CASE("topic filters",
          "[MQTT311-4.7.1-2][MQTT311-4.7.1-3][MQTT5-4.7.1-1][MQTT5-4.7.1-2][MQTT311-4.7.3-1][MQTT5-4.7.3-1]") {
    for (const char* filter : {"#", "+", "a/#", "+/+", "/+", "+/", "a/+/b", "a/+/#", "+/#"}) {
        INFO(filter);
        CHECK(check_topic_filter(filter, ga, true) == topic_verdict::valid);
        CHECK(check_topic_filter(filter, preview, true) == topic_verdict::wildcard);
    }
    for (const char* filter : {"a#", "a/#/b", "#/", "##", "a+", "+a", "a/+b", "a/b+/c", "++", "#a"}) {
        INFO(filter);
        CHECK(check_topic_filter(filter, ga, true) == topic_verdict::misplaced);
    }
    CHECK(check_topic_filter("", ga, true) == topic_verdict::empty);
    CHECK(check_topic_filter("$debug/$error", preview, true) == topic_verdict::valid);
    CHECK(check_topic_filter("$debug/$errors", preview, true) == topic_verdict::dollar);
    CHECK(check_topic_filter("$SYS/#", ga, true) == topic_verdict::dollar);
    CHECK(check_topic_filter(std::string(257, 'x'), ga, true) == topic_verdict::too_long);
}

TEST_CASE("shared subscriptions by their shape", "[MQTT5-4.8.2-1][MQTT5-4.8.2-2]") {
    CHECK(check_topic_filter("$share/g/a", preview, true) == topic_verdict::shared);
    CHECK(check_topic_filter("$share/g/a/#", preview, true) == topic_verdict::shared);
    for (const char* filter : {"$share//t", "$share/g", "$share/g/", "$share/g+/t", "$share/#/t", "$share/g/a#"}) {
        INFO(filter);
        CHECK(check_topic_filter(filter, preview, true) == topic_verdict::shared_malformed);
    }
    CHECK(check_topic_filter("$share/g/a", preview, false) == topic_verdict::dollar);
}
