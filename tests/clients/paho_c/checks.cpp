#include "tests/clients/paho_c/checks.hpp"

#include "tests/clients/paho_c/pulse.hpp"
#include "tests/clients/paho_c/steps.hpp"

#include <algorithm>
#include <cstdio>

namespace paho_c {
namespace {

constexpr std::size_t largest_packet_bytes = 131'072;

const std::vector<std::pair<std::string, std::string>> user_properties{{"b", "1"}, {"a", "2"},        {"b", "3"},
                                                                       {"b", "1"}, {"", "empty key"}, {"grün", "ß"}};

// --- both versions

void wrong_password(const settings& given) {
    const std::string& user = given.at("user");
    device stranger(given, "stranger");
    stranger.login(user.substr(0, user.find('/')) + "/device1", "wrong");
    expect_code(stranger.connect(), given.five() ? 0x86 : 5, "CONNACK");
}

void publish_subscribe(const settings& given) {
    const std::string topic = given.topic("order");
    const auto zero = subscriber(given, topic, "zero", 0);
    const auto one = subscriber(given, topic, "one");
    const auto sender = connected(given, "pub");
    for (int n = 0; n < 40; ++n) publish(*sender, topic, std::to_string(n), n % 2);
    for (const auto& [receiver, most] : {std::pair{zero.get(), 0}, std::pair{one.get(), 1}})
        for (int n = 0; n < 40; ++n) {
            const message got = expect_message(*receiver, std::to_string(n));
            expect(got.qos == std::min(n % 2, most) && !got.retain && !got.dup, "QoS, retain or dup of " + got.payload);
        }
}

void empty_payload(const settings& given) {
    const std::string topic = given.topic("bytes");
    const auto receiver = subscriber(given, topic);
    const auto sender = connected(given, "pub");
    std::string all;
    for (int n = 0; n < 256; ++n) all += static_cast<char>(n);
    for (const auto& payload : {std::string(), all})
        for (const int qos : {0, 1}) {
            publish(*sender, topic, payload, qos);
            (void)expect_message(*receiver, payload);
        }
}

void unsubscribe(const settings& given) {
    const std::string topic = given.topic("unsubscribed");
    const auto client = subscriber(given, topic);
    subscribe(given, *client, given.topic("mark"));
    expect_code(client->unsubscribe(topic), 0, "UNSUBACK");
    publish(*client, topic, "for nobody");
    publish(*client, given.topic("mark"), "mark");
    (void)expect_message(*client, "mark");
}

/// A payload with which a QoS 1 PUBLISH on the topic has `packet_bytes`.
std::string payload_of_packet(const settings& given, const std::string& topic, std::size_t packet_bytes) {
    std::string payload(packet_bytes - 4 - 2 - topic.size() - 2 - (given.five() ? 1 : 0), ' ');
    for (std::size_t n = 0; n < payload.size(); ++n) payload[n] = static_cast<char>(n % 251);
    return payload;
}

void largest_packet(const settings& given) {
    const std::string topic = given.topic("large");
    const auto receiver = subscriber(given, topic);
    const auto sender = connected(given, "pub");
    const std::string payload = payload_of_packet(given, topic, largest_packet_bytes);
    publish(*sender, topic, payload);
    (void)expect_message(*receiver, payload);
}

void larger_packet(const settings& given) {
    const std::string topic = given.topic("large");
    const auto receiver = subscriber(given, topic);
    const auto sender = connected(given, "pub");
    sender->send({topic, payload_of_packet(given, topic, largest_packet_bytes + 1)});
    const int reason = sender->await_lost();
    expect(!given.five() || reason == 0x95, "reason code of DISCONNECT: " + std::to_string(reason));
    publish(*receiver, topic, "still here");
    (void)expect_message(*receiver, "still here");
}

void take_over(const settings& given) {
    const auto first = connected(given, "same");
    const auto second = connected(given, "same");
    const int reason = first->await_lost();
    expect(!given.five() || reason == 0x8E, "reason code of DISCONNECT: " + std::to_string(reason));
    const std::string topic = given.topic("taken");
    subscribe(given, *second, topic);
    publish(*second, topic, "mine");
    (void)expect_message(*second, "mine");
}

void will(const settings& given) {
    const message wanted = will_of(given);
    const auto receiver = subscriber(given, wanted.topic);
    say("ask will");
    const message got = expect_message(*receiver, wanted.payload);
    expect(got.qos == 1, "QoS of the will");
    if (given.five()) {
        expect(got.properties.user == wanted.properties.user, "user properties of the will");
        expect(got.properties.content_type == wanted.properties.content_type, "content type of the will");
    }
    publish(*receiver, wanted.topic, "mark");
    (void)expect_message(*receiver, "mark");
}

void reconnect(const settings& given) {
    const std::string topic = given.topic("again");
    device_options options;
    options.reconnects = true;
    const auto client = subscriber(given, topic, "sub", 1, std::move(options));
    publish(*client, topic, "before");
    (void)expect_message(*client, "before");
    say("ask restart");
    (void)client->await_lost();
    client->await_connected();
    subscribe(given, *client, topic);
    publish(*client, topic, "after");
    (void)expect_message(*client, "after");
}

// --- MQTT 5

void user_properties_in_sequence(const settings& given) {
    const std::string topic = given.topic("user");
    const auto receiver = subscriber(given, topic);
    const auto sender = connected(given, "pub");
    message_properties sent;
    sent.user = user_properties;
    for (const int qos : {0, 1}) {
        publish(*sender, topic, "x", qos, sent);
        expect(expect_message(*receiver, "x").properties.user == user_properties, "user properties");
    }
}

void payload_properties(const settings& given) {
    const std::string topic = given.topic("payload");
    const auto receiver = subscriber(given, topic);
    const auto sender = connected(given, "pub");
    message_properties text;
    text.content_type = "text/plain; charset=utf-8";
    text.payload_format = 1;
    publish(*sender, topic, "grün", 1, text);
    const message got = expect_message(*receiver, "grün");
    expect(got.properties.content_type == text.content_type, "content type");
    expect(got.properties.payload_format == 1, "payload format indicator");
    expect_code(sender->publish({topic, "\xFF", 1, false, false, text}), 0x99, "PUBACK");
    text.payload_format = 0;
    publish(*sender, topic, "\xFF", 1, text);
    (void)expect_message(*receiver, "\xFF");
}

void request_response(const settings& given) {
    const std::string question = given.topic("question");
    const std::string answers = given.topic("answers");
    const auto requester = subscriber(given, answers, "requester");
    const auto responder = subscriber(given, question, "responder");
    message_properties asked;
    asked.response_topic = answers;
    asked.correlation_data = std::string("\0\1\xFF\0", 4);
    publish(*requester, question, "how warm?", 1, asked);
    const message_properties got = expect_message(*responder, "how warm?").properties;
    expect(got.response_topic.has_value(), "response topic");
    message_properties reply;
    reply.correlation_data = got.correlation_data;
    publish(*responder, *got.response_topic, "20.5", 1, reply);
    const message answered = expect_message(*requester, "20.5");
    expect(answered.topic == answers, "topic of the answer");
    expect(answered.properties.correlation_data == asked.correlation_data, "correlation data");
}

void announced(const settings& given) {
    device_options options;
    options.without_client_id = true;
    device client(given, "", std::move(options));
    const answer told = client.connect();
    expect_code(told, 0, "CONNACK");
    const std::pair<int, int> wanted[] = {{MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 131'072},
                                          {MQTTPROPERTY_CODE_MAXIMUM_QOS, 1},
                                          {MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, 1'000},
                                          {MQTTPROPERTY_CODE_WILDCARD_SUBSCRIPTION_AVAILABLE, 0},
                                          {MQTTPROPERTY_CODE_SHARED_SUBSCRIPTION_AVAILABLE, 0},
                                          {MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 0}};
    for (const auto& [code, value] : wanted) {
        const auto found = told.announced.numbers.find(code);
        const bool same = found != told.announced.numbers.end() && found->second == value;
        expect(same, std::string(MQTTPropertyName(static_cast<MQTTPropertyCodes>(code))) + " of CONNACK");
    }
    expect(!told.announced.assigned_client_id.empty(), "no client identifier was assigned");
}

/// Paho C 1.3 makes every successful PUBACK a 0, so that 0x10 does not show.
void reason_codes(const settings& given) {
    const auto client = connected(given, "sub");
    expect_code(client->subscribe(given.topic("+")), 0xA2, "SUBACK for a wildcard");
}

struct named_check {
    const char* name;
    void (*run)(const settings&);
    bool five_only;
};
constexpr named_check all_checks[] = {{"wrong_password", wrong_password, false},
                                      {"publish_subscribe", publish_subscribe, false},
                                      {"empty_payload", empty_payload, false},
                                      {"unsubscribe", unsubscribe, false},
                                      {"largest_packet", largest_packet, false},
                                      {"larger_packet", larger_packet, false},
                                      {"take_over", take_over, false},
                                      {"will", will, false},
                                      {"user_properties", user_properties_in_sequence, true},
                                      {"payload_properties", payload_properties, true},
                                      {"request_response", request_response, true},
                                      {"announced", announced, true},
                                      {"reason_codes", reason_codes, true},
                                      {"reconnect", reconnect, false}}; // last: it stops the pulse for a while

} // namespace

message will_of(const settings& given) {
    message will;
    will.topic = given.topic("will");
    will.payload = "gone";
    will.properties.user = user_properties;
    will.properties.content_type = "text/plain";
    return will;
}

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

int run_checks(const settings& given) {
    const pulse awake(given);
    int failed = 0;
    for (const named_check& check : all_checks) {
        if (check.five_only && !given.five()) continue;
        try {
            check.run(given);
            say(std::string("ok ") + check.name);
        } catch (const std::exception& problem) {
            ++failed;
            say(std::string("failed ") + check.name + ": " + problem.what());
        }
    }
    return failed;
}

} // namespace paho_c
