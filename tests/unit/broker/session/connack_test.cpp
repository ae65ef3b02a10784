// What CONNACK says, and what it never says.
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::connect_with;
using packet_bytes::hex;
using packet_bytes::text;
using session::close_reason;
using session::session_settings;
using session_harness::dialogue;

namespace {

/// CONNACK of a 5.0 client that asks for nothing: Receive Maximum 1000, Maximum QoS 1, Maximum Packet Size 131072, no
/// wildcards, subscription identifiers or shared subscriptions.
const std::string plain_v5 = "20 13 00 00 10 21 03 e8 24 01 27 00 02 00 00 28 00 29 00 2a 00";

const std::set<int> connack_codes{0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A,
                                  0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F};

} // namespace

TEST_CASE("whatever refuses a login, CONNACK has a code of its table, no session, and is the end",
          "[MQTT311-3.2.2-4][MQTT311-3.2.2-5][MQTT311-3.2.2-6][MQTT5-3.1.4-2][MQTT5-3.2.2-6][MQTT5-3.2.2-7]"
          "[MQTT5-3.2.2-8][MQTT5-4.13.2-1][MQTT31-14][MQTT31-15]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const bool at_claim = GENERATE(false, true);
    for (int code = 0x80; code < 0x100; ++code) {
        dialogue talk;
        talk.driver.automatic = false;
        (void)talk.send(packet_bytes::connect(level, "c1"));
        const auto reason = static_cast<reason_code>(code);
        if (at_claim) talk.session.on_authenticated({});
        if (at_claim)
            talk.session.on_claimed({reason, {}});
        else
            talk.session.on_authenticated({reason, {}, nullptr});
        const std::string bytes = hex(talk.received());
        INFO("level " << level << " code " << code << " answer " << packet_bytes::dump(bytes));
        REQUIRE(bytes.size() == (level == 5 ? 5 : 4));
        CHECK(bytes[0] == 0x20);
        CHECK(bytes[2] == 0);
        const int told = static_cast<unsigned char>(bytes[3]);
        if (level == 5)
            CHECK(told == (connack_codes.contains(code) ? code : 0x83));
        else
            CHECK((told >= 1 && told <= 5));
        CHECK(talk.closed_by(close_reason::login_refused));
        CHECK(talk.send(hex("c000")).empty());
    }
}

TEST_CASE("every client identifier of 1 to 23 letters and digits is accepted", "[MQTT311-3.1.3-5][MQTT5-3.1.3-5]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const bool ga = GENERATE(false, true);
    const std::string all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (std::size_t size = 1; size <= 23; ++size)
        for (std::size_t from = 0; from + size <= all.size(); from += size) {
            dialogue talk(ga ? session_settings::ga() : session_settings::preview());
            talk.send(packet_bytes::connect(level, all.substr(from, size)));
            REQUIRE(talk.session.connected());
            REQUIRE(talk.driver.claimed->client_id == all.substr(from, size));
        }
}

TEST_CASE("what a 5.0 client asks for and does not get is not mentioned",
          "[MQTT5-3.1.2-28][MQTT5-4.12.0-6][MQTT5-3.2.2-9][MQTT5-3.2.2-1]") {
    // Request Response Information 0 and 1, Topic Alias Maximum 10, a user property.
    const auto* asked = GENERATE("", "19 00", "19 01", "22 000a", "26 0001 6b 0001 76", "17 01", "17 00");
    dialogue talk;
    CHECK(talk.send(packet_bytes::connect(5, "c1", hex(asked))) == plain_v5);
}

TEST_CASE("a session that should outlive its connection does not: 5.0 is told, nobody has a session present",
          "[MQTT311-3.1.4-3][MQTT311-3.2.2-1][MQTT311-3.2.2-3][MQTT5-3.1.2-6][MQTT5-3.1.4-4][MQTT5-3.2.2-2]"
          "[MQTT5-3.2.2-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const unsigned clean = GENERATE(0U, 2U);
    dialogue talk;
    const std::string answer =
        talk.send(connect_with(level, clean, text("c1"), level == 5 ? hex("11 00000e10") : std::string()));
    CHECK(answer.substr(6, 5) == "00 00");
    // Session Expiry Interval 0 comes first of the properties.
    if (level == 5) CHECK(answer == "20 18 00 00 15 11 00 00 00 00" + plain_v5.substr(14));
    CHECK(talk.session.connected());
}

TEST_CASE("nothing behind a CONNECT with an authentication method is processed",
          "[MQTT5-3.1.2-30][MQTT5-4.12.0-1][MQTT5-4.12.0-4][MQTT5-3.1.4-6]") {
    const auto behind = GENERATE(packet_bytes::publish(5, 2, "a", 1, "x"), hex("c000"), hex("f0 00"),
                                 packet_bytes::subscribe(5, 1, "a", 0), packet_bytes::connect(5, "c2"));
    dialogue talk;
    const std::string answer = talk.send(packet_bytes::connect(5, "c1", hex("15 0001 6d 16 0001 64")) + behind);
    const auto bytes = hex(answer);
    REQUIRE(bytes.size() > 4);
    CHECK(answer.substr(6, 5) == "00 8c");
    CHECK(bytes.size() == 2U + static_cast<unsigned char>(bytes[1])); // nothing but this CONNACK
    CHECK(talk.closed_by(close_reason::login_refused));
    CHECK(talk.driver.logins.empty());
    CHECK(talk.driver.publishes.empty());
}

TEST_CASE("AUTH from a client that named no method is a protocol error, whatever it says",
          "[MQTT5-4.12.0-7][MQTT5-4.12.1-1][MQTT5-4.12.1-2]") {
    const auto auth = GENERATE(hex("f0 00"), hex("f0 02 18 00"), hex("f0 06 19 04 15 0001 6d"),
                               hex("f0 0a 19 08 15 0001 6d 16 0001 64"));
    dialogue talk;
    talk.connect(5);
    const std::string answer = talk.send(auth + hex("c000"));
    CHECK(answer.substr(0, 2) == "e0");
    CHECK(answer.substr(6, 2) == "82");
    CHECK(talk.closed_by(close_reason::protocol_error));
    CHECK(talk.driver.closes[0].publish_will);
    CHECK(answer.find("d0 00") == std::string::npos);
}

TEST_CASE("one CONNACK at most, and the first packet of all",
          "[MQTT311-3.2.0-1][MQTT5-3.2.0-1][MQTT5-3.2.0-2][MQTT311-3.1.0-2][MQTT5-3.1.0-2]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    const std::string all =
        talk.send(packet_bytes::connect(level, "c1") + hex("c000") + packet_bytes::connect(level, "c1") + hex("c000"));
    const std::string bytes = hex(all);
    std::string kinds;
    for (std::size_t at = 0; at < bytes.size(); at += 2U + static_cast<unsigned char>(bytes[at + 1]))
        kinds.push_back(bytes[at]);
    CHECK(packet_bytes::dump(kinds) == (level == 5 ? "20 d0 e0" : "20 d0"));
    CHECK(talk.closed_by(close_reason::protocol_error));
}

TEST_CASE("keep alive: the client's own, unless 5.0 is told another",
          "[MQTT311-3.1.2-24][MQTT5-3.1.2-22][MQTT5-3.2.2-22]") {
    session_settings settings;
    settings.keep_alive_s_max = 600;
    const auto terms = [&settings](unsigned level, std::string_view keep_alive, std::string& answer) {
        dialogue talk(settings);
        answer =
            talk.send(packet_bytes::packet(0x10, hex("0004 4d515454") + static_cast<char>(level) + hex("02") +
                                                     hex(keep_alive) + (level == 5 ? hex("00") : "") + text("c1")));
        REQUIRE(talk.driver.terms);
        return talk.driver.terms->keep_alive_s;
    };
    std::string answer;
    CHECK(terms(4, "0001", answer) == 1);
    CHECK(terms(4, "0000", answer) == 0); // never expires
    CHECK(terms(4, "ffff", answer) == 65'535);
    CHECK(terms(5, "0258", answer) == 600);
    CHECK(answer == plain_v5); // no Server Keep Alive: the client's value holds
    CHECK(terms(5, "0259", answer) == 600);
    CHECK(answer.find("13 02 58") != std::string::npos);
    CHECK(terms(5, "0000", answer) == 300);
    CHECK(answer.find("13 01 2c") != std::string::npos);
}

TEST_CASE("a client whose Maximum Packet Size has no room for the refusal is closed without it", "[MQTT5-3.1.2-24]") {
    const bool shutdown = GENERATE(false, true);
    const auto answer_to = [shutdown](std::string_view maximum) {
        dialogue talk;
        talk.driver.automatic = false;
        (void)talk.send(packet_bytes::connect(5, "c1", "\x27" + hex(maximum)));
        if (shutdown)
            talk.session.on_shutdown();
        else
            talk.session.on_authenticated({reason_code::server_unavailable, {}, nullptr});
        CHECK(talk.session.closed());
        return talk.received();
    };
    CHECK(answer_to("00000004").empty());
    CHECK(answer_to("00000005") == "20 03 00 88 00");
}
