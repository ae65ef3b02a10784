#include "common/record/device_topics.hpp"
#include "tests/unit/messaging/topic/link_peer.hpp"

using namespace support;

namespace {

/// An application's message to `to-device`.
void send_to(link_peer& from, std::uint32_t topic_number, std::string_view client,
             std::optional<std::string_view> topic, std::string_view key, std::string_view payload,
             record::authentication by = record::authentication::application) {
    record::fields fields;
    fields.qos = 1;
    fields.authenticated_by = by;
    fields.client_id = client;
    fields.topic = topic;
    fields.key = key;
    fields.payload = payload;
    std::string out;
    msg_link::encode_publish_head(out, topic_number, 0, record::encoded_size(fields));
    record::append(out, fields);
    from.send(out);
}

struct world {
    world() {
        broker.connect();
        application.connect();
        messaging.hub->on_alarm([this](const std::string& tenant, std::string_view type) {
            alarms.push_back(tenant + " " + std::string(type));
        });
        application.topic(1, "to-device");
    }
    void settle() {
        messaging.settle();
        broker.read();
        application.read();
    }

    memory_messaging messaging;
    link_peer broker{messaging, 7};
    link_peer application{messaging, 8, false};
    std::vector<std::string> alarms;
};

} // namespace

TEST_CASE("to-device: a message for one client reaches that client's stream and no other", "[topic][to-device]") {
    world at;
    at.broker.subscribe(1, "$to-device/c1/cmd/+");
    at.broker.subscribe(2, "$to-device/c2/cmd/+");
    at.broker.subscribe(3, "#");
    at.settle();
    send_to(at.application, 1, "c1", "cmd/x", "c1", "for c1");
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"for c1"});
    CHECK(at.broker.payloads(2).empty());
    CHECK(at.broker.payloads(3).empty());
    REQUIRE(at.broker.deliveries.size() == 1);
    CHECK(record::mqtt_topic_of(at.broker.deliveries[0].topic) == "cmd/x");
    CHECK(at.application.outcomes.empty());
}

TEST_CASE("to-device: a broadcast reaches every stream with a matching filter", "[topic][to-device]") {
    world at;
    at.broker.subscribe(1, "$to-device//cmd");
    at.broker.subscribe(2, "$to-device//#");
    at.broker.subscribe(3, "$to-device//other");
    at.settle();
    send_to(at.application, 1, "", "cmd", "cmd", "all");
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"all"});
    CHECK(at.broker.payloads(2) == texts{"all"});
    CHECK(at.broker.payloads(3).empty());
}

TEST_CASE("to-device: where clients share their topics the message goes to the topic it names", "[topic][to-device]") {
    world at;
    at.broker.subscribe(1, "cmd");
    at.settle();
    const std::string client = GENERATE("", "c1");
    send_to(at.application, 1, client, "cmd", client.empty() ? "cmd" : client, "x");
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"x"});
}

TEST_CASE("to-device: nobody there is no fault: nothing is stored and nobody alarmed", "[topic][to-device]") {
    world at;
    send_to(at.application, 1, "c1", "cmd", "c1", "x");
    send_to(at.application, 1, "", "cmd", "cmd", "x");
    send_to(at.application, 1, "", "$debug/$error", "$debug/$error", "x");
    send_to(at.application, 1, "", "a/#", "a/#", "x");
    at.settle();
    CHECK(at.application.settled == 4);
    CHECK(at.application.outcomes.size() == 4);
    for (const auto& [sequence, why] : at.application.outcomes) CHECK(why == msg_link::reason::no_subscribers);
    CHECK(at.alarms.empty());
    CHECK(at.messaging.backlog("t1") == 0);
}

TEST_CASE("to-device: an invalid message is dropped, counted and told by its alarm", "[topic][to-device]") {
    world at;
    at.broker.subscribe(1, "$to-device/c1/#");
    at.broker.subscribe(2, "$to-device//#");
    at.broker.subscribe(3, "#");
    at.settle();
    send_to(at.application, 1, "c1", "cmd", "", "x");
    send_to(at.application, 1, "c1", "cmd", "c2", "x");
    send_to(at.application, 1, "c1", std::nullopt, "c1", "x");
    send_to(at.application, 1, "c1", "", "c1", "x");
    send_to(at.application, 1, "", "cmd", "other", "x");
    at.settle();
    CHECK(at.broker.deliveries.empty());
    CHECK(at.application.settled == 5);
    CHECK(at.alarms == texts{"t1 c8y_MqttService_ToDevice_NoKey", "t1 c8y_MqttService_ToDevice_InvalidKey",
                             "t1 c8y_MqttService_ToDevice_MissingTopic", "t1 c8y_MqttService_ToDevice_EmptyTopic",
                             "t1 c8y_MqttService_ToDevice_InvalidKey"});
    const auto& counted = at.messaging.hub->stats().to_device_invalid;
    CHECK(counted[static_cast<std::size_t>(record::to_device_fault::invalid_key)] == 2);
}

TEST_CASE("to-device: a device's own PUBLISH on that name is an ordinary message", "[topic][to-device]") {
    world at;
    at.broker.subscribe(1, "to-device");
    at.broker.subscribe(2, "$to-device/c1/#");
    at.broker.topic(1, "to-device");
    at.settle();
    send_to(at.broker, 1, "c9", std::nullopt, "", "mine", record::authentication::basic);
    at.settle();
    CHECK(at.broker.payloads(1) == texts{"mine"});
    CHECK(at.broker.payloads(2).empty());
    CHECK(at.alarms.empty());
}
