#include "messaging/endpoint/message_convert.hpp"

#include "common/record/device_topics.hpp"

#include "common/record/properties.hpp"
#include "messaging/endpoint/api_context.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace messaging::endpoint;
namespace n2 = notification2;

namespace {

constexpr std::int64_t now = 1'767'225'600'123;

std::string bytes_of(std::initializer_list<int> values) {
    std::string made;
    for (const int one : values) made += static_cast<char>(one);
    return made;
}

/// ref B.1.5, third vector.
const std::string full =
    bytes_of({0x02, 0x08, 0x64, 0x65, 0x76, 0x31, 0x02, 0x14, 0x74, 0x65, 0x78, 0x74, 0x2f, 0x70, 0x6c,
              0x61, 0x69, 0x6e, 0x02, 0x04, 0x01, 0x02, 0x01, 0x0e, 0x02, 0x02, 0x02, 0x02, 0x72, 0x02,
              0x06, 0x61, 0x2f, 0x62, 0x02, 0x02, 0x02, 0x6b, 0x02, 0x76, 0x00, 0x04, 0x68, 0x69});

std::string record_of(const std::string& avro, std::string_view topic) {
    const auto message = n2::decode_avro(avro);
    REQUIRE(message.has_value());
    std::string out;
    REQUIRE(record_from_message(*message, topic, now, out) == "");
    return out;
}

std::string refusal(const n2::mqtt_service_message& message) {
    std::string out = "kept";
    auto why = record_from_message(message, "a/b", now, out);
    CHECK(out == (why.empty() ? out : "kept"));
    return why;
}

} // namespace

TEST_CASE("an application's message becomes a QoS 1 record with everything it says") {
    const auto bytes = record_of(full, "a/b");
    const auto fields = record::parse(core::as_bytes(bytes));
    REQUIRE(fields);
    CHECK(fields->qos == 1);
    CHECK(fields->dup);
    CHECK_FALSE(fields->will);
    CHECK(fields->authenticated_by == record::authentication::application);
    CHECK(fields->arrival_ms == now);
    CHECK(fields->packet_identifier == 7);
    CHECK(fields->client_id == "dev1");
    CHECK(fields->effective_key() == "dev1");
    CHECK(fields->user.empty());
    CHECK_FALSE(fields->topic); // the same as the store's
    CHECK(fields->payload == "hi");
    std::string properties;
    record::append_payload_format(properties, 1);
    record::append_property(properties, record::property::content_type, "text/plain");
    record::append_property(properties, record::property::response_topic, "r");
    record::append_property(properties, record::property::correlation_data, bytes_of({1, 2}));
    record::append_user_property(properties, "k", "v");
    CHECK(fields->properties == properties);
}

TEST_CASE("a record becomes the Avro record it came from, byte by byte") {
    std::string back;
    REQUIRE(append_message(back, core::as_bytes(record_of(full, "a/b")), "a/b"));
    CHECK(back == full);
}

TEST_CASE("the MQTT topic is stored only where it differs, and told to consumers either way") {
    const auto bytes = record_of(full, "other");
    const auto fields = record::parse(core::as_bytes(bytes));
    REQUIRE(fields);
    REQUIRE(fields->topic);
    CHECK(*fields->topic == "a/b");
    std::string back;
    REQUIRE(append_message(back, core::as_bytes(bytes), "other"));
    CHECK(back == full);
    // Nothing said: the store's topic.
    const auto plain = record_of(bytes_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 'h', 'i'}), "a/b");
    back.clear();
    REQUIRE(append_message(back, core::as_bytes(plain), "a/b"));
    const auto message = n2::decode_avro(back);
    REQUIRE(message.has_value());
    CHECK(message->topic == "a/b");
    CHECK_FALSE(message->client_id);
    CHECK_FALSE(message->user_properties);
    CHECK(message->payload == "hi");
}

TEST_CASE("a message to devices has the key that ref A.11 asks for") {
    const auto made = [](std::optional<std::string_view> client, std::optional<std::string_view> topic) {
        n2::mqtt_service_message message;
        message.client_id = client;
        message.topic = topic;
        std::string out;
        REQUIRE(record_from_message(message, "to-device", now, out) == "");
        return record::check_to_device(*record::parse(core::as_bytes(out)));
    };
    CHECK(made("c1", "cmd") == record::to_device_fault::none);
    CHECK(made(std::nullopt, "cmd") == record::to_device_fault::none);
    CHECK(made("", "cmd") == record::to_device_fault::empty_client_id);
    CHECK(made("c1", std::nullopt) == record::to_device_fault::missing_topic);
}

TEST_CASE("consumers of from-device are told who published, and how") {
    std::string properties;
    record::append_user_property(properties, "k", "v");
    record::append_user_property(properties, "tx.clientUsername", "somebody else");
    record::fields fields;
    fields.client_id = "dev-7";
    fields.user = "device1";
    fields.topic = "a/b";
    fields.will = true;
    fields.authenticated_by = record::authentication::x509;
    fields.properties = properties;
    std::string bytes;
    record::append(bytes, fields);
    std::string avro;
    REQUIRE(append_message(avro, core::as_bytes(bytes), "from-device", extra_properties::from_device));
    const auto message = n2::decode_avro(avro);
    REQUIRE(message.has_value());
    CHECK(message->topic == "a/b");
    REQUIRE(message->user_properties);
    CHECK(*message->user_properties == std::vector<n2::user_property>{{"k", "v"},
                                                                      {"tx.clientUsername", "device1"},
                                                                      {"tx.clientAuthType", "X509"},
                                                                      {"tx.lastWillMessage", "true"}});
    avro.clear();
    REQUIRE(append_message(avro, core::as_bytes(bytes), "a/b"));
    CHECK(n2::decode_avro(avro)->user_properties->size() == 2);
}

TEST_CASE("message identifiers that MQTT has not become 0") {
    const auto identifier = [](std::int32_t given) {
        n2::mqtt_service_message message;
        message.message_id = given;
        std::string out;
        REQUIRE(record_from_message(message, "t", now, out) == "");
        return record::parse(core::as_bytes(out))->packet_identifier;
    };
    CHECK(identifier(0) == 0);
    CHECK(identifier(1) == 1);
    CHECK(identifier(65'535) == 65'535);
    CHECK(identifier(65'536) == 0);
    CHECK(identifier(-1) == 0);
    CHECK(identifier(2'147'483'647) == 0);
}

TEST_CASE("what an MQTT subscriber could not be sent is refused with its name") {
    const std::string nul("a\0b", 3);
    const std::string most(65'534, 'x');
    const std::string longer(65'535, 'x');
    n2::mqtt_service_message message;
    SECTION("client ID") {
        message.client_id = nul;
        CHECK(refusal(message).starts_with("clientId"));
        message.client_id = longer;
        CHECK(refusal(message).starts_with("clientId"));
        message.client_id = most;
        CHECK(refusal(message) == "");
    }
    SECTION("content type") {
        message.content_type = nul;
        CHECK(refusal(message).starts_with("contentType"));
    }
    SECTION("response topic") {
        for (const std::string& bad : {std::string(), std::string("a/#"), std::string("a/+/b"), nul, longer}) {
            message.response_topic = bad;
            CHECK(refusal(message).starts_with("responseTopic"));
        }
    }
    SECTION("topic") {
        message.topic = "a/+";
        CHECK(refusal(message).starts_with("topic"));
        message.topic = "";
        CHECK(refusal(message).starts_with("topic"));
    }
    SECTION("correlation data may hold any byte, but not too many") {
        message.correlation_data = nul;
        CHECK(refusal(message) == "");
        message.correlation_data = longer;
        CHECK(refusal(message).starts_with("correlationData"));
    }
    SECTION("user properties") {
        message.user_properties.emplace();
        message.user_properties->emplace_back("good", "good");
        CHECK(refusal(message) == "");
        message.user_properties->emplace_back("name", nul);
        CHECK(refusal(message).find("value") != std::string::npos);
        message.user_properties->back() = {longer, "v"};
        CHECK(refusal(message).find("name") != std::string::npos);
    }
}

TEST_CASE("seeded messages come back as they went in") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto text = [&](std::size_t most) {
        std::string made(random() % (most + 1), ' ');
        for (auto& each : made) each = static_cast<char>('a' + random() % 26);
        return made;
    };
    for (int i = 0; i < 2'000; ++i) {
        std::vector<std::string> kept(10);
        for (auto& one : kept) one = text(40) + "x";
        n2::mqtt_service_message message;
        if (random() % 2 == 0) message.client_id = kept[0];
        if (random() % 2 == 0) message.content_type = kept[1];
        if (random() % 2 == 0) message.correlation_data = kept[2];
        if (random() % 2 == 0) message.format = static_cast<n2::payload_format>(random() % 2);
        if (random() % 2 == 0) message.response_topic = kept[3];
        message.dup_flag = random() % 2 == 0;
        message.message_id = static_cast<std::int32_t>(random() % 65'536);
        message.topic = random() % 2 == 0 ? std::string_view(kept[4]) : std::string_view("store/topic");
        if (random() % 2 == 0) message.user_properties = {{kept[5], kept[6]}, {kept[7], kept[8]}};
        kept[9].assign(random() % 300, static_cast<char>(random()));
        message.payload = kept[9];
        std::string record;
        REQUIRE(record_from_message(message, "store/topic", now, record) == "");
        std::string avro;
        REQUIRE(append_message(avro, core::as_bytes(record), "store/topic"));
        const auto back = n2::decode_avro(avro);
        REQUIRE(back.has_value());
        CHECK(*back == message);
    }
}

TEST_CASE("a notification keeps its text, and its source is the key") {
    const std::string text = "/t0815/operations/4711\nCREATE\nx-later: 1\n\n{\"id\":\"9900\"}\n\n";
    std::string record;
    REQUIRE(record_from_notification(text, now, record) == "");
    const auto fields = record::parse(core::as_bytes(record));
    REQUIRE(fields);
    CHECK(fields->key == "4711");
    CHECK(fields->payload == text);
    std::string frame;
    REQUIRE(append_notification_frame(frame, "1.2", core::as_bytes(record)));
    CHECK(frame == "1.2\n" + text);
}

TEST_CASE("what is no notification is refused on both ways") {
    const std::vector<std::string> bad{"",
                                       "\n",
                                       "\n\n",
                                       "/t0815/operations/4711\nCREATE\n{}",
                                       "t0815/operations/4711\nCREATE\n\n{}",
                                       "/t0815/operations\nCREATE\n\n{}",
                                       "/t0815/operations/\nCREATE\n\n{}",
                                       "/t0815/operations/1\n\n{}",
                                       "/t0815/operations/1\nCREATE\n\n\xff"};
    for (const auto& text : bad) {
        INFO(text);
        std::string record = "kept";
        CHECK(record_from_notification(text, now, record) != "");
        CHECK(record == "kept");
    }
    std::string frame;
    CHECK_FALSE(append_notification_frame(frame, "1.2", core::as_bytes("junk")));
    record::fields fields;
    fields.payload = "no header lines";
    std::string stored;
    record::append(stored, fields);
    frame.clear();
    CHECK_FALSE(append_notification_frame(frame, "1.2", core::as_bytes(stored)));
}

TEST_CASE("stored bytes that are no record, or no UTF-8, are not presented as Avro") {
    std::string out;
    CHECK_FALSE(append_message(out, core::as_bytes("junk"), "t"));
    record::fields fields;
    fields.client_id = "\xff\xfe";
    std::string stored;
    record::append(stored, fields);
    CHECK_FALSE(append_message(out, core::as_bytes(stored), "t"));
    fields.client_id = "c";
    const std::string cut = bytes_of({0x08, 0x00, 0x09, 'r'});
    fields.properties = cut;
    stored.clear();
    record::append(stored, fields);
    CHECK_FALSE(append_message(out, core::as_bytes(stored), "t"));
    CHECK(out.empty());
}

TEST_CASE("subscribers of two topics, and volatile ones, are different subscriptions") {
    CHECK(subscription_name("mapper1", "plant/line1", false) == "mapper1@plant%2Fline1");
    CHECK(subscription_name("mapper1", "plant/line1", true) == "mapper1@plant%2Fline1;volatile");
    CHECK(subscription_name("a@b", "c", false) != subscription_name("a", "b@c", false));
    CHECK(subscription_name("a", "b;volatile", false) != subscription_name("a", "b", true));
}
