// When a will is asked for: once at most, never after a lawful DISCONNECT, never for a client that was refused.
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::connect_with;
using packet_bytes::hex;
using packet_bytes::text;
using session::session_settings;
using session_harness::dialogue;

namespace {

std::string connect_with_will(unsigned level, unsigned flags, std::string_view properties = {}) {
    return connect_with(level, flags,
                        text("c1") + (level == 5 ? packet_bytes::block(properties) : std::string()) + text("w/t") +
                            text("gone"));
}

} // namespace

TEST_CASE("a will is due once, whatever ends the connection but DISCONNECT",
          "[MQTT311-3.1.2-8][MQTT311-3.1.2-10][MQTT5-3.1.2-8][MQTT5-3.1.2-10][MQTT31-30]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::function<void(dialogue&)> ends[] = {
        [](dialogue& talk) { talk.session.on_transport_closed(); },
        [](dialogue& talk) { talk.session.on_keep_alive_expired(); },
        [](dialogue& talk) { talk.session.on_evicted(); },
        [](dialogue& talk) { talk.session.on_shutdown(); },
        [](dialogue& talk) { talk.session.on_stream_lost(reason_code::quota_exceeded, "too slow"); },
        [](dialogue& talk) { talk.send(hex("0000")); },     // malformed
        [](dialogue& talk) { talk.send(hex("20020000")); }, // a protocol error
    };
    for (const auto& end : ends) {
        dialogue talk;
        (void)talk.send(connect_with_will(level, 0x0E));
        REQUIRE(talk.session.connected());
        end(talk);
        for (const auto& again : ends) again(talk);
        (void)talk.send(hex("e000"));
        REQUIRE(talk.driver.closes.size() == 1);
        CHECK(talk.driver.closes[0].publish_will);
    }
}

TEST_CASE("after DISCONNECT no will is due, and without a will flag there is none",
          "[MQTT311-3.1.2-10][MQTT311-3.1.2-12][MQTT311-3.14.4-3][MQTT5-3.1.2-10][MQTT5-3.14.4-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    (void)talk.send(connect_with_will(level, 0x0E) + hex("e000"));
    talk.session.on_transport_closed();
    talk.session.on_keep_alive_expired();
    REQUIRE(talk.driver.closes.size() == 1);
    CHECK_FALSE(talk.driver.closes[0].publish_will);
    dialogue none;
    none.connect(level);
    REQUIRE(none.driver.claimed);
    CHECK_FALSE(none.driver.claimed->has_will);
}

TEST_CASE("the will that is stored is the one of CONNECT: QoS, RETAIN, any bytes",
          "[MQTT311-3.1.2-9][MQTT311-3.1.2-16][MQTT5-3.1.2-7][MQTT5-3.1.2-14][MQTT31-13]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const unsigned qos = GENERATE(0U, 1U);
    const bool retain = GENERATE(false, true);
    const std::string payload = hex("00 ff 80 00");
    dialogue talk;
    (void)talk.send(connect_with(level, 0x06 | qos << 3 | (retain ? 0x20 : 0),
                                 text("c1") + (level == 5 ? hex("00") : "") + text("w/t") + text(payload)));
    REQUIRE(talk.driver.claimed);
    CHECK(talk.driver.claimed->has_will);
    CHECK(talk.driver.claimed->will_topic == "w/t");
    CHECK(talk.driver.claimed->will_payload == payload);
    CHECK(talk.driver.claimed->will_qos == qos);
    CHECK(talk.driver.claimed->will_retain == retain); // nothing keeps it: no profile has retained messages
}

TEST_CASE("5.0: what passes through goes with the will in its order, the rest stays here", "[MQTT5-3.1.3-10]") {
    dialogue talk;
    const std::string passes = hex("26 0001 62 0001 31 01 01 26 0001 61 0001 32 03 0001 74 26 0001 62 0001 31");
    (void)talk.send(connect_with_will(5, 0x06, hex("18 00000005") + passes + hex("02 00000001")));
    REQUIRE(talk.driver.claimed);
    CHECK(talk.driver.claimed->will_properties == passes);
}

TEST_CASE("a will whose payload is not the text it is said to be refuses the CONNECT") {
    const bool checked = GENERATE(true, false);
    session_settings settings;
    settings.payload_format_checked = checked;
    dialogue talk(settings);
    const std::string answer = talk.send(
        connect_with(5, 0x06, text("c1") + packet_bytes::block(hex("01 01")) + text("w/t") + text(hex("ff"))));
    CHECK(answer.substr(6, 5) == (checked ? "00 99" : "00 00"));
    CHECK(talk.session.connected() != checked);
}
