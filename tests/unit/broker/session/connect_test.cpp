#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::connect_with;
using packet_bytes::hex;
using session::close_reason;
using session::session_settings;
using session_harness::dialogue;

namespace {

std::string will(unsigned level, std::string_view topic, std::string_view payload = "gone") {
    return packet_bytes::text("c1") + (level == 5 ? std::string(1, '\0') : "") + packet_bytes::text(topic) +
           packet_bytes::text(payload);
}

} // namespace

TEST_CASE("CONNECT is answered by CONNACK 0 without session",
          "[MQTT311-3.1.4-4][MQTT311-3.2.2-1][MQTT5-3.1.4-5][MQTT311-3.1.2-12][MQTT5-3.2.2-9]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const unsigned clean = GENERATE(0U, 2U);
    dialogue talk;
    const std::string answer = talk.send(connect_with(level, clean, packet_bytes::text("c1")));
    // 5.0: Receive Maximum 1000, Maximum QoS 1, Maximum Packet Size 131072, no wildcards, identifiers or shared ones.
    CHECK(answer == (level == 5 ? "20 13 00 00 10 21 03 e8 24 01 27 00 02 00 00 28 00 29 00 2a 00" : "20 02 00 00"));
    CHECK(talk.session.connected());
    REQUIRE(talk.driver.terms);
    CHECK(talk.driver.terms->keep_alive_s == 60);
    CHECK(talk.driver.terms->deliveries_in_flight_max == (level == 5 ? 1000 : 64));
    REQUIRE(talk.driver.claimed);
    CHECK(talk.driver.claimed->client_id == "c1");
    CHECK_FALSE(talk.driver.claimed->has_will);
}

TEST_CASE("CONNACK waits for login and claim, nothing is decoded meanwhile", "[MQTT311-3.2.0-1][MQTT5-3.2.0-1]") {
    dialogue talk;
    talk.driver.automatic = false;
    CHECK(talk.send(packet_bytes::connect(4, "c1") + hex("c000")).empty());
    CHECK(talk.session.waiting());
    talk.session.on_authenticated({});
    CHECK(talk.received().empty());
    CHECK(talk.session.waiting());
    CHECK_FALSE(talk.driver.terms);
    talk.session.on_claimed({});
    CHECK(talk.received() == "20 02 00 00");
    CHECK_FALSE(talk.session.waiting());
    CHECK(talk.send("") == "d0 00");
}

TEST_CASE("user name and password reach the driver as they are") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    (void)talk.send(
        connect_with(level, 0xC2, packet_bytes::text("c1") + packet_bytes::text("t0815/u") + hex("0002 00ff")));
    CHECK(talk.driver.username == "t0815/u");
    CHECK(talk.driver.password == hex("00ff"));
    CHECK(talk.driver.login_client_id == "c1");
}

TEST_CASE("a refused login or claim is answered and ends the connection",
          "[MQTT311-3.2.2-5][MQTT5-3.2.2-7][MQTT311-3.1.4-5][MQTT5-3.1.4-6][MQTT5-3.1.4-2][MQTT5-4.12.0-4]") {
    const bool at_claim = GENERATE(false, true);
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.driver.automatic = false;
    (void)talk.send(packet_bytes::connect(level, "c1") + packet_bytes::publish(level, 0, "a", 0, "x"));
    if (at_claim) talk.session.on_authenticated({});
    if (at_claim)
        talk.session.on_claimed({reason_code::server_unavailable, {}});
    else
        talk.session.on_authenticated({reason_code::bad_username_or_password, {}, nullptr});
    const std::string v5_code = at_claim ? "88" : "86";
    CHECK(talk.received() == (level == 5 ? "20 03 00 " + v5_code + " 00" : at_claim ? "20 02 00 03" : "20 02 00 05"));
    CHECK(talk.closed_by(close_reason::login_refused));
    CHECK_FALSE(talk.driver.closes[0].publish_will);
    CHECK(talk.send("").empty());
    CHECK(talk.driver.publishes.empty());
}

TEST_CASE("a reason string goes along if it fits", "[MQTT5-3.2.2-19]") {
    const bool small = GENERATE(false, true);
    dialogue talk;
    talk.driver.automatic = false;
    (void)talk.send(packet_bytes::connect(5, "c1", small ? hex("27 00000008") : ""));
    talk.session.on_authenticated({reason_code::not_authorized, "no", nullptr});
    CHECK(talk.received() == (small ? "20 03 00 87 00" : "20 08 00 87 05 1f 00 02 6e 6f"));
}

TEST_CASE("empty client identifiers",
          "[MQTT311-3.1.3-6][MQTT311-3.1.3-8][MQTT5-3.1.3-6][MQTT5-3.1.3-7][MQTT5-3.2.2-16][MQTT311-3.1.3-7]"
          "[MQTT31-5]") {
    dialogue v31;
    CHECK(v31.send(connect_with(3, 2, hex("0000"))) == "20 02 00 02");
    CHECK(v31.closed_by(close_reason::login_refused));
    dialogue unclean;
    CHECK(unclean.send(connect_with(4, 0, hex("0000"))) == "20 02 00 02");
    CHECK(unclean.driver.logins.empty());
    dialogue clean;
    CHECK(clean.send(connect_with(4, 2, hex("0000"))) == "20 02 00 00");
    CHECK(clean.driver.claimed->client_id == "made-up-1");
    dialogue v5;
    const std::string assigned = "12 00 09 6d 61 64 65 2d 75 70 2d 31";
    CHECK(v5.send(connect_with(5, 2, hex("0000"))).find(assigned) != std::string::npos);
    CHECK(v5.driver.logins[0].client_id_assigned);
    dialogue strict(session_settings::ga());
    CHECK(strict.send(connect_with(4, 2, hex("0000"))) == "20 02 00 02");
}

TEST_CASE("client identifiers by length", "[MQTT311-3.1.3-9][MQTT5-3.1.3-8]") {
    dialogue fits;
    (void)fits.send(packet_bytes::connect(4, std::string(128, 'x')));
    CHECK(fits.session.connected());
    dialogue old;
    CHECK(old.send(packet_bytes::connect(4, std::string(129, 'x'))) == "20 02 00 02");
    dialogue v5;
    CHECK(v5.send(packet_bytes::connect(5, std::string(129, 'x'))).substr(6, 5) == "00 85");
    CHECK(v5.closed_by(close_reason::login_refused));
}

TEST_CASE("the first packet is CONNECT and there is no second",
          "[MQTT311-3.1.0-1][MQTT311-3.1.0-2][MQTT5-3.1.0-2][MQTT5-3.1.0-1]") {
    dialogue first;
    CHECK(first.send(hex("c000")).empty());
    CHECK(first.closed_by(close_reason::malformed));
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue second;
    second.connect(level);
    const std::string answer = second.send(packet_bytes::connect(level, "c1"));
    CHECK(answer.substr(0, 2) == (level == 5 ? "e0" : ""));
    if (level == 5) CHECK(answer.substr(6, 2) == "82");
    CHECK(second.closed_by(close_reason::protocol_error));
    CHECK(second.driver.closes[0].publish_will);
}

TEST_CASE("wrong protocol levels and broken CONNECTs",
          "[MQTT311-3.1.2-2][MQTT311-3.1.4-1][MQTT5-3.1.4-1][MQTT311-3.1.2-1][MQTT5-3.1.2-1][MQTT5-3.1.2-2]"
          "[MQTT31-3]") {
    dialogue level6;
    CHECK(level6.send(hex("10 0d 0004 4d515454 06 02 003c 0001 63")) == "20 02 00 01");
    CHECK(level6.closed_by(close_reason::malformed));
    dialogue name;
    CHECK(name.send(hex("10 0d 0004 4d515458 04 02 003c 0001 63")).empty());
    CHECK(name.closed_by(close_reason::malformed));
    dialogue v311;
    CHECK(v311.send(connect_with(4, 3, hex("0001 63"))).empty());
    CHECK(v311.closed_by(close_reason::malformed));
    dialogue v5;
    CHECK(v5.send(connect_with(5, 3, hex("0001 63"))) == "20 03 00 81 00");
    CHECK(v5.closed_by(close_reason::malformed));
}

TEST_CASE("a will travels with the claim", "[MQTT311-3.1.2-8][MQTT5-3.1.2-7][MQTT5-3.1.3-10]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    (void)talk.send(connect_with(level, 0x0E, will(level, "w/t")));
    REQUIRE(talk.driver.claimed);
    CHECK(talk.driver.claimed->has_will);
    CHECK(talk.driver.claimed->will_topic == "w/t");
    CHECK(talk.driver.claimed->will_payload == "gone");
    CHECK(talk.driver.claimed->will_qos == 1);
    dialogue v5;
    const std::string properties =
        packet_bytes::block(hex("18 00000005 26 0001 62 0001 31 02 00000001 26 0001 61 0001 32"));
    (void)v5.send(connect_with(5, 0x06, packet_bytes::text("c1") + properties + packet_bytes::text("w") + hex("0000")));
    REQUIRE(v5.driver.claimed);
    CHECK(v5.driver.claimed->will_properties == hex("26 0001 62 0001 31 26 0001 61 0001 32"));
    CHECK(v5.driver.claimed->will_delay_s == 5);
}

TEST_CASE("wills the service cannot publish refuse the CONNECT", "[MQTT5-3.2.2-12][MQTT5-3.2.2-13][MQTT311-4.7.1-1]") {
    const auto answer = [](unsigned level, unsigned flags, std::string_view topic, const session_settings& settings) {
        dialogue talk(settings);
        const std::string bytes = talk.send(connect_with(level, flags, will(level, topic)));
        CHECK(talk.session.closed());
        CHECK_FALSE(talk.driver.claimed);
        return level == 5 && bytes.size() > 10 ? bytes.substr(9, 2) : bytes;
    };
    const auto preview = session_settings::preview();
    CHECK(answer(4, 0x16, "w", preview) == "20 02 00 05");
    CHECK(answer(5, 0x16, "w", preview) == "9b");
    CHECK(answer(5, 0x26, "w", session_settings::ga()) == "9a");
    CHECK(answer(4, 0x26, "w", session_settings::ga()) == "20 02 00 05");
    CHECK(answer(5, 0x06, "s/us", preview) == "90");
    CHECK(answer(4, 0x06, "$x", preview) == "20 02 00 05");
    CHECK(answer(5, 0x06, "a/+", preview) == "90");
    CHECK(answer(4, 0x06, "a/#", preview).empty());
    CHECK(answer(5, 0x06, std::string(257, 'w'), preview) == "97");
    dialogue ignored(preview); // a retained will is accepted in the preview
    (void)ignored.send(connect_with(4, 0x26, will(4, "w")));
    CHECK(ignored.session.connected());
}

TEST_CASE("profile ga refuses unclean sessions and says what it has", "[MQTT5-3.1.4-4][MQTT311-3.1.4-3]") {
    dialogue v311(session_settings::ga());
    CHECK(v311.send(connect_with(4, 0, packet_bytes::text("c1"))) == "20 02 00 05");
    dialogue v5(session_settings::ga());
    CHECK(v5.send(connect_with(5, 2, packet_bytes::text("c1"))) ==
          "20 15 00 00 12 21 03 e8 24 01 25 00 27 00 02 00 00 28 01 29 00 2a 00");
}

TEST_CASE("the tenant's settings replace the defaults at login") {
    const session_settings ga = session_settings::ga();
    dialogue talk;
    talk.driver.tenant_settings = &ga;
    CHECK(talk.send(connect_with(4, 0, packet_bytes::text("c1"))) == "20 02 00 05");
}

TEST_CASE("keep alive, session expiry and receive maximum in CONNACK", "[MQTT5-3.1.2-22][MQTT5-3.2.2-22]") {
    const auto connack = [](std::string_view keep_alive, std::string_view properties, dialogue& talk) {
        return talk.send(packet_bytes::packet(0x10, hex("0004 4d515454 05 02") + hex(keep_alive) +
                                                        packet_bytes::block(hex(properties)) + hex("0001 63")));
    };
    dialogue none;
    CHECK(connack("0000", "", none).find("13 01 2c") != std::string::npos);
    CHECK(none.driver.terms->keep_alive_s == 300);
    dialogue expiry;
    CHECK(connack("003c", "11 0000000a 21 0005", expiry).find("11 00 00 00 00") != std::string::npos);
    CHECK(expiry.driver.terms->deliveries_in_flight_max == 5);
    dialogue v311;
    (void)v311.send(hex("10 0d 0004 4d515454 04 02 0000 0001 63"));
    CHECK(v311.driver.terms->keep_alive_s == 0);
    dialogue tiny; // no room for CONNACK: nothing is sent [MQTT5-3.1.2-24]
    CHECK(connack("003c", "27 0000000a", tiny).empty());
    CHECK(tiny.closed_by(close_reason::login_refused));
}

TEST_CASE("extended authentication is refused", "[MQTT5-4.12.0-1][MQTT5-4.12.0-7]") {
    dialogue method;
    CHECK(method.send(packet_bytes::connect(5, "c1", hex("15 0001 6d"))).substr(6, 5) == "00 8c");
    CHECK(method.closed_by(close_reason::login_refused));
    dialogue later;
    later.connect(5);
    CHECK(later.send(hex("f0 00")).substr(6, 2) == "82");
    CHECK(later.closed_by(close_reason::protocol_error));
}
