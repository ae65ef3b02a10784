// Every string field of every packet a client may send, each with good and bad strings in it.
#include "broker/mqtt/decoder.hpp"
#include "tests/support/packet_bytes.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <vector>

using namespace broker::mqtt;
using packet_bytes::block;
using packet_bytes::connect_with;
using packet_bytes::hex;
using packet_bytes::text;

namespace {

/// A packet with this text in one of its fields.
struct field {
    const char* name;
    std::function<std::string(const std::string&)> packet;
    bool first_packet = false;
};

std::vector<field> fields_of_all_versions(unsigned level) {
    const std::string no_properties = level == 5 ? hex("00") : "";
    return {
        {"client identifier", [=](const std::string& s) { return connect_with(level, 0x02, text(s)); }, true},
        {"will topic",
         [=](const std::string& s) {
             return connect_with(level, 0x06, text("c") + no_properties + text(s) + text("gone"));
         },
         true},
        {"user name", [=](const std::string& s) { return connect_with(level, 0x82, text("c") + text(s)); }, true},
        {"topic", [=](const std::string& s) { return packet_bytes::publish(level, 0, s, 0, "x"); }},
        {"filter of SUBSCRIBE", [=](const std::string& s) { return packet_bytes::subscribe(level, 1, s, 0); }},
        {"second filter of SUBSCRIBE",
         [=](const std::string& s) {
             return packet_bytes::packet(0x82, hex("0001") + no_properties + hex("0001 61 00") + text(s) + hex("01"));
         }},
        {"filter of UNSUBSCRIBE", [=](const std::string& s) { return packet_bytes::unsubscribe(level, 1, s); }},
        {"second filter of UNSUBSCRIBE",
         [=](const std::string& s) {
             return packet_bytes::packet(0xA2, hex("0001") + no_properties + hex("0001 61") + text(s));
         }},
    };
}

/// The string properties of 5.0: identifier and text, or identifier, key and value.
std::vector<field> fields_of_v5() {
    const auto in_publish = [](const std::string& properties) {
        return packet_bytes::publish(5, 0, "a", 0, "x", properties);
    };
    const auto in_will = [](const std::string& properties) {
        return connect_with(5, 0x06, text("c") + block(properties) + text("t") + text("gone"));
    };
    const auto user_value = [](const std::string& s) { return "\x26" + text("k") + text(s); };
    const auto user_key = [](const std::string& s) { return "\x26" + text(s) + text("v"); };
    return {
        {"content type", [=](const std::string& s) { return in_publish("\x03" + text(s)); }},
        {"response topic", [=](const std::string& s) { return in_publish("\x08" + text(s)); }},
        {"user property key", [=](const std::string& s) { return in_publish(user_key(s)); }},
        {"user property value", [=](const std::string& s) { return in_publish(user_value(s)); }},
        {"will content type", [=](const std::string& s) { return in_will("\x03" + text(s)); }, true},
        {"will response topic", [=](const std::string& s) { return in_will("\x08" + text(s)); }, true},
        {"will user property", [=](const std::string& s) { return in_will(user_value(s)); }, true},
        {"CONNECT user property", [=](const std::string& s) { return packet_bytes::connect(5, "c", user_key(s)); },
         true},
        {"authentication method", [](const std::string& s) { return packet_bytes::connect(5, "c", "\x15" + text(s)); },
         true},
        {"SUBSCRIBE user property",
         [=](const std::string& s) {
             return packet_bytes::packet(0x82, hex("0001") + block(user_value(s)) + hex("0001 61 00"));
         }},
        {"UNSUBSCRIBE user property",
         [=](const std::string& s) {
             return packet_bytes::packet(0xA2, hex("0001") + block(user_key(s)) + hex("0001 61"));
         }},
        {"PUBACK reason string",
         [](const std::string& s) { return packet_bytes::packet(0x40, hex("0001 80") + block("\x1f" + text(s))); }},
        {"DISCONNECT reason string",
         [](const std::string& s) { return packet_bytes::packet(0xE0, hex("00") + block("\x1f" + text(s))); }},
        {"DISCONNECT user property",
         [=](const std::string& s) { return packet_bytes::packet(0xE0, hex("00") + block(user_value(s))); }},
        {"AUTH method",
         [](const std::string& s) { return packet_bytes::packet(0xF0, hex("18") + block("\x15" + text(s))); }},
    };
}

decode_error outcome(const field& each, unsigned level, const std::string& value) {
    const auto version = each.first_packet ? protocol_version::unknown : static_cast<protocol_version>(level);
    const std::string bytes = each.packet(value);
    const decode_result result = decode(packet_bytes::span(bytes), version, 131'072);
    CHECK_FALSE(result.need_more);
    return result.error;
}

void check_all(const std::vector<field>& fields, unsigned level) {
    const std::string good[] = {"a", hex("efbbbf 61"), hex("c3a4 e282ac f09f9880"), hex("ed9fbf ee8080"), hex("01 7f")};
    // A surrogate, an over-long form, U+0000 at both ends, a cut character, above U+10FFFF, a lone continuation.
    const std::string bad[] = {hex("61 eda080"), hex("edbfbf"),   hex("c0af"),     hex("61 00"), hex("00 61"),
                               hex("e282"),      hex("f4908080"), hex("61 80 61"), hex("ff")};
    for (const field& each : fields) {
        for (const std::string& value : good) {
            INFO("level " << level << ", " << each.name << ": " << packet_bytes::dump(value));
            CHECK(outcome(each, level, value).code == reason_code::success);
        }
        for (const std::string& value : bad) {
            INFO("level " << level << ", " << each.name << ": " << packet_bytes::dump(value));
            CHECK(outcome(each, level, value).code == reason_code::malformed_packet);
        }
    }
}

} // namespace

TEST_CASE("every string of every packet is checked: well formed, no surrogate, no U+0000",
          "[MQTT311-1.5.3-1][MQTT311-1.5.3-2][MQTT311-3.1.3-4][MQTT311-3.1.3-10][MQTT311-3.1.3-11][MQTT311-3.3.2-1]"
          "[MQTT311-3.8.3-1][MQTT311-3.10.3-1][MQTT311-4.7.3-2][MQTT5-1.5.4-1][MQTT5-1.5.4-2][MQTT5-3.1.3-4]"
          "[MQTT5-3.1.3-11][MQTT5-3.1.3-12][MQTT5-3.3.2-1][MQTT5-3.8.3-1][MQTT5-3.10.3-1][MQTT5-4.7.3-2][MQTT31-33]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    check_all(fields_of_all_versions(level), level);
}

TEST_CASE("every string property of 5.0 is checked, both halves of a user property too",
          "[MQTT5-1.5.4-1][MQTT5-1.5.4-2][MQTT5-1.5.7-1][MQTT5-3.3.2-13][MQTT5-3.3.2-19]") {
    check_all(fields_of_v5(), 5);
}

TEST_CASE("U+FEFF at the beginning of a string stays there", "[MQTT311-1.5.3-3][MQTT5-1.5.4-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::string name = hex("efbbbf 61");
    const std::string publish = packet_bytes::publish(level, 0, name, 0, "x");
    const auto published = decode(packet_bytes::span(publish), static_cast<protocol_version>(level), 131'072);
    CHECK(std::get<publish_packet>(published.value).topic == name);
    const std::string subscribe = packet_bytes::subscribe(level, 1, name, 0);
    const auto subscribed = decode(packet_bytes::span(subscribe), static_cast<protocol_version>(level), 131'072);
    subscription_reader entries(std::get<subscribe_packet>(subscribed.value));
    CHECK(entries.next()->filter == name);
    const std::string connect = packet_bytes::connect(level, name);
    const auto connected = decode(packet_bytes::span(connect), protocol_version::unknown, 131'072);
    CHECK(std::get<connect_packet>(connected.value).client_id == name);
}

TEST_CASE("binary fields take any bytes") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::string no_properties = level == 5 ? hex("00") : "";
    const std::string any = hex("00 ff eda080");
    const std::string bytes =
        connect_with(level, 0xC6, text("c") + no_properties + text("t") + text(any) + text("u") + text(any));
    const auto result = decode(packet_bytes::span(bytes), protocol_version::unknown, 131'072);
    REQUIRE_FALSE(result.failed());
    CHECK(std::get<connect_packet>(result.value).will->payload == any);
    CHECK(std::get<connect_packet>(result.value).password == any);
    const std::string publish = packet_bytes::publish(5, 0, "a", 0, any, "\x09" + text(any));
    CHECK_FALSE(decode(packet_bytes::span(publish), protocol_version::v5, 131'072).failed());
}
