#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"

#include <catch2/catch.hpp>

using namespace record;

namespace {
std::string stored(std::string_view client, std::string_view topic) {
    std::string out;
    append_to_device(out, client, topic);
    return out;
}
fields message(std::string_view client, std::optional<std::string_view> topic, std::string_view key) {
    fields made;
    made.client_id = client;
    made.topic = topic;
    made.key = key;
    return made;
}
} // namespace

TEST_CASE("to-device: a client's name and a topic become one store topic, and the topic comes back", "[record]") {
    CHECK(stored("dev-7", "a/b") == "$to-device/dev-7/a/b");
    CHECK(stored("", "a/b") == "$to-device//a/b");
    CHECK(stored("a/b+c#d%e", "t") == "$to-device/a%2Fb%2Bc%23d%25e/t");
    for (const std::string topic : {"a", "/", "/a", "a//b", "a/"})
        for (const std::string client : {"", "c", "a/b", "ü"}) {
            INFO(client << " " << topic);
            CHECK(mqtt_topic_of(stored(client, topic)) == topic);
        }
    CHECK(mqtt_topic_of("a/b") == "a/b");
    CHECK(mqtt_topic_of("$debug/$error") == "$debug/$error");
}

TEST_CASE("to-device: filters behind the prefix match as without it, and nobody else's", "[record]") {
    const auto reaches = [](const std::string& filter, const std::string& topic) {
        return filter_matches(stored("c", filter), stored("c", topic));
    };
    CHECK(reaches("#", "a/b"));
    CHECK(reaches("+/b", "a/b"));
    CHECK(reaches("a/#", "a"));
    CHECK_FALSE(reaches("+", "a/b"));
    CHECK_FALSE(filter_matches(stored("c", "#"), stored("d", "a")));
    CHECK_FALSE(filter_matches(stored("c", "#"), stored("", "a")));
    CHECK_FALSE(filter_matches("#", stored("c", "a")));
    CHECK_FALSE(filter_matches("+/c/a", stored("c", "a")));
}

TEST_CASE("to-device: what ref A.11 calls invalid is told apart", "[record]") {
    CHECK(check_to_device(message("c", "t", "c")) == to_device_fault::none);
    CHECK(check_to_device(message("", "t", "t")) == to_device_fault::none);
    CHECK(check_to_device(message("c", "t", "")) == to_device_fault::no_key);
    CHECK(check_to_device(message("", "t", "")) == to_device_fault::no_key);
    CHECK(check_to_device(message("c", "t", "t")) == to_device_fault::invalid_key);
    CHECK(check_to_device(message("", "t", "c")) == to_device_fault::invalid_key);
    CHECK(check_to_device(message("c", std::nullopt, "c")) == to_device_fault::missing_topic);
    CHECK(check_to_device(message("c", "", "c")) == to_device_fault::empty_topic);
    auto empty = message("", "t", "");
    empty.key_is_client_id = true;
    CHECK(check_to_device(empty) == to_device_fault::empty_client_id);
    auto same = message("c", "t", "");
    same.key_is_client_id = true;
    CHECK(check_to_device(same) == to_device_fault::none);
    CHECK(alarm_type(to_device_fault::no_key) == "c8y_MqttService_ToDevice_NoKey");
    CHECK(alarm_type(to_device_fault::invalid_key) == "c8y_MqttService_ToDevice_InvalidKey");
    CHECK(alarm_type(to_device_fault::empty_client_id) == "c8y_MqttService_ToDevice_EmptyClientId");
    CHECK(alarm_type(to_device_fault::missing_topic) == "c8y_MqttService_ToDevice_MissingTopic");
    CHECK(alarm_type(to_device_fault::empty_topic) == "c8y_MqttService_ToDevice_EmptyTopic");
}

TEST_CASE("error topic: each client has its own, and all of them are one MQTT topic", "[record]") {
    const auto stored_for = [](std::string_view client) {
        std::string out;
        append_error_topic(out, client);
        return out;
    };
    CHECK(stored_for("dev-7") == "$debug/$error/dev-7");
    CHECK(stored_for("a/b+#%") == "$debug/$error/a%2Fb%2B%23%25");
    CHECK(mqtt_topic_of(stored_for("a/b")) == "$debug/$error");
    CHECK(mqtt_topic_of("$debug/$error") == "$debug/$error");
    CHECK(mqtt_topic_of("$debug/$alarm") == "$debug/$alarm");
    CHECK(filter_matches("$debug/$error/#", stored_for("a/b")));
    CHECK_FALSE(filter_matches("#", stored_for("dev-7")));
    CHECK_FALSE(filter_matches("+/$error/dev-7", stored_for("dev-7")));
}
