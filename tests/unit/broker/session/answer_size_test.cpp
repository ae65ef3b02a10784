// Reason strings give way to the client's Maximum Packet Size and to Request Problem Information 0; the server adds no
// user properties at all. Every answer has one of two forms, written here by hand: with the reason string or without.
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::block;
using packet_bytes::hex;
using packet_bytes::packet;
using packet_bytes::text;
using session_harness::dialogue;

namespace {

/// An answer of the server that may carry a reason string: how to get it and how it looks.
struct answer {
    const char* name;
    std::function<std::string(dialogue&)> provoke; ///< what came, as bytes
    std::function<std::string(const std::string& properties)> form;
    bool kept_without_problem_information = false; ///< CONNACK and DISCONNECT
    const char* connect_flags = "";
};

std::string bytes_of(const std::string& dumped) { return hex(dumped); }

std::string with_maximum(unsigned bytes) {
    return "\x27" + std::string{0, 0, static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
}

std::vector<answer> answers() {
    return {
        {"PUBACK", [](dialogue& talk) { return bytes_of(talk.send(packet_bytes::publish(5, 2, "s/us", 7, "x"))); },
         [](const std::string& properties) {
             return packet(0x40, hex("0007 90") + (properties.empty() ? "" : block(properties)));
         }},
        {"SUBACK", [](dialogue& talk) { return bytes_of(talk.send(packet_bytes::subscribe(5, 7, "a/+", 1))); },
         [](const std::string& properties) { return packet(0x90, hex("0007") + block(properties) + hex("a2")); }},
        {"UNSUBACK", [](dialogue& talk) { return bytes_of(talk.send(packet_bytes::unsubscribe(5, 7, "a"))); },
         [](const std::string& properties) { return packet(0xB0, hex("0007") + block(properties) + hex("11")); }},
        {"PUBCOMP", [](dialogue& talk) { return bytes_of(talk.send(hex("62 02 0007"))); },
         [](const std::string& properties) {
             return packet(0x70, hex("0007 92") + (properties.empty() ? "" : block(properties)));
         }},
        {"DISCONNECT",
         [](dialogue& talk) {
             talk.session.on_stream_lost(reason_code::quota_exceeded, "too many messages wait for this client");
             return bytes_of(talk.received());
         },
         [](const std::string& properties) {
             return packet(0xE0, hex("97") + (properties.empty() ? "" : block(properties)));
         },
         true},
    };
}

/// The reason string of an answer in one of the two forms; anything else in it fails the test.
std::string reason_in(const answer& each, const std::string& bytes) {
    if (bytes == each.form({})) return {};
    const auto at = bytes.find('\x1f');
    REQUIRE(at != std::string::npos);
    REQUIRE(at + 3 <= bytes.size());
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + 2]));
    const std::string reason = bytes.substr(at + 3, size);
    INFO(each.name << ": " << packet_bytes::dump(bytes));
    REQUIRE(bytes == each.form("\x1f" + text(reason)));
    return reason;
}

} // namespace

TEST_CASE("no answer is larger than the client's Maximum Packet Size: the reason string is left out",
          "[MQTT5-3.1.2-24][MQTT5-3.4.2-2][MQTT5-3.4.2-3][MQTT5-3.7.2-2][MQTT5-3.7.2-3][MQTT5-3.9.2-1][MQTT5-3.9.2-2]"
          "[MQTT5-3.11.2-1][MQTT5-3.11.2-2][MQTT5-3.14.2-2][MQTT5-3.14.2-3][MQTT5-3.14.2-4]") {
    for (const answer& each : answers()) {
        dialogue free;
        free.connect(5);
        const std::string whole = each.provoke(free);
        const bool has_reason = !reason_in(each, whole).empty();
        CHECK(has_reason == (std::string_view(each.name) != "UNSUBACK" && std::string_view(each.name) != "PUBCOMP"));
        bool left_out = false;
        for (unsigned maximum = 21; maximum < 120; ++maximum) {
            dialogue talk;
            talk.connect(5, with_maximum(maximum));
            REQUIRE(talk.session.connected());
            const std::string got = each.provoke(talk);
            INFO(each.name << " with at most " << maximum << " bytes: " << packet_bytes::dump(got));
            CHECK(got.size() <= maximum);
            const bool with_reason = !reason_in(each, got).empty();
            left_out = left_out || (has_reason && !with_reason);
            if (has_reason && whole.size() + 9 <= maximum) CHECK(with_reason);
        }
        CHECK(left_out == has_reason);
    }
}

TEST_CASE("Request Problem Information 0: reason strings only in CONNACK and DISCONNECT", "[MQTT5-3.1.2-29]") {
    for (const answer& each : answers()) {
        dialogue talk;
        talk.connect(5, hex("17 00"));
        INFO(each.name);
        CHECK(reason_in(each, each.provoke(talk)).empty() != each.kept_without_problem_information);
    }
    dialogue refused;
    refused.driver.automatic = false;
    (void)refused.send(packet_bytes::connect(5, "c1", hex("17 00")));
    refused.session.on_authenticated({reason_code::not_authorized, "no", nullptr});
    CHECK(refused.received() == "20 08 00 87 05 1f 00 02 6e 6f");
}

TEST_CASE("a refused CONNECT: reason string and nothing else, as far as it fits",
          "[MQTT5-3.2.2-19][MQTT5-3.2.2-20][MQTT5-3.1.2-24]") {
    const std::string reason = "the tenant is suspended";
    const std::string without = hex("20 03 00 87 00");
    const std::string with = packet(0x20, hex("00 87") + block("\x1f" + text(reason)));
    for (unsigned maximum = 5; maximum < 60; ++maximum) {
        dialogue talk;
        talk.driver.automatic = false;
        (void)talk.send(packet_bytes::connect(5, "c1", with_maximum(maximum)));
        talk.session.on_authenticated({reason_code::not_authorized, reason, nullptr});
        const std::string got = hex(talk.received());
        INFO("at most " << maximum << ": " << packet_bytes::dump(got));
        CHECK((got == without || got == with));
        CHECK(got.size() <= maximum);
        if (with.size() + 6 <= maximum) CHECK(got == with);
    }
}

TEST_CASE("a SUBACK with more codes than the client takes ends the connection", "[MQTT5-3.1.2-24]") {
    dialogue talk;
    talk.connect(5, with_maximum(30));
    std::string body = hex("0007 00");
    for (int i = 0; i < 40; ++i) body += text("$x") + hex("00"); // refused at once
    const std::string got = hex(talk.send(packet(0x82, body)));
    CHECK(got.size() <= 30);
    CHECK(got.substr(0, 1) == "\xe0");
    CHECK(got.substr(2, 1) == "\x95");
    CHECK(talk.session.closed());
}

TEST_CASE("every DISCONNECT has a code of its table, and no session expiry",
          "[MQTT5-3.14.2-1][MQTT5-3.14.2-2][MQTT5-3.14.4-2][MQTT5-4.13.2-1]") {
    const std::string allowed = hex("80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2");
    for (int code = 0x80; code < 0x100; ++code) {
        dialogue talk;
        talk.connect(5);
        talk.session.on_stream_lost(static_cast<reason_code>(code), "why");
        const bool known = allowed.find(static_cast<char>(code)) != std::string::npos;
        const std::string told(1, static_cast<char>(known ? code : 0x83));
        CHECK(talk.received() == packet_bytes::dump(packet(0xE0, told + block("\x1f" + text("why")))));
        CHECK(talk.session.closed());
        CHECK(talk.driver.closes.size() == 1);
    }
}
