#include "tests/support/packet_samples.hpp"
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::hex;
using session::close_reason;
using session_harness::dialogue;

TEST_CASE("DISCONNECT decides about the will", "[MQTT311-3.14.4-3][MQTT5-3.14.4-3]") {
    dialogue v311;
    v311.connect(4);
    CHECK(v311.send(hex("e000") + hex("c000")).empty()); // what follows is not answered
    CHECK(v311.closed_by(close_reason::client_disconnected));
    CHECK_FALSE(v311.driver.closes[0].publish_will);
    const auto will_after = [](std::string_view packet) {
        dialogue v5;
        v5.connect(5);
        CHECK(v5.send(hex(packet)).empty());
        CHECK(v5.closed_by(close_reason::client_disconnected));
        return v5.driver.closes[0].publish_will;
    };
    CHECK_FALSE(will_after("e000"));
    CHECK_FALSE(will_after("e0 01 00"));
    CHECK(will_after("e0 01 04"));
    CHECK(will_after("e0 01 80"));
}

TEST_CASE("DISCONNECT cannot make a session last that CONNECT did not") {
    dialogue talk;
    talk.connect(5);
    CHECK(talk.send(hex("e0 07 00 05 11 0000000a")).substr(6, 2) == "82");
    dialogue allowed;
    allowed.connect(5, hex("11 00000001"));
    CHECK(allowed.send(hex("e0 07 00 05 11 0000000a")).empty());
    CHECK(allowed.closed_by(close_reason::client_disconnected));
}

TEST_CASE("forced closes: 5.0 is told why, 3.x is not",
          "[MQTT5-3.1.4-3][MQTT311-3.1.4-2][MQTT5-3.1.2-22][MQTT5-3.14.0-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const auto code_of = [level](dialogue& talk) {
        const std::string bytes = talk.received();
        CHECK(talk.driver.closes.size() == 1);
        CHECK(talk.driver.closes[0].publish_will);
        return level == 5 ? bytes.substr(0, 2) + bytes.substr(6, 2) : bytes + "--";
    };
    const auto expected = [level](const char* code) { return level == 5 ? std::string("e0") + code : "--"; };
    dialogue evicted;
    evicted.connect(level);
    evicted.session.on_evicted();
    CHECK(code_of(evicted) == expected("8e"));
    CHECK(evicted.closed_by(close_reason::taken_over));
    dialogue distrusted;
    distrusted.connect(level);
    distrusted.session.on_trust_withdrawn();
    CHECK(code_of(distrusted) == expected("87"));
    CHECK(distrusted.closed_by(close_reason::trust_withdrawn));
    dialogue outdated;
    outdated.connect(level);
    outdated.session.on_certificate_expired();
    CHECK(code_of(outdated) == expected("87"));
    CHECK(outdated.closed_by(close_reason::certificate_expired));
    dialogue expired;
    expired.connect(level);
    expired.session.on_keep_alive_expired();
    CHECK(code_of(expired) == expected("8d"));
    dialogue shutdown;
    shutdown.connect(level);
    shutdown.session.on_shutdown();
    CHECK(code_of(shutdown) == expected("8b"));
    dialogue operated;
    operated.connect(level);
    operated.session.on_administrative_action();
    CHECK(code_of(operated) == expected("98"));
    CHECK(operated.closed_by(close_reason::administrative));
    dialogue stream;
    stream.connect(level);
    stream.session.on_stream_lost(reason_code::quota_exceeded, "too slow");
    CHECK(code_of(stream) == expected("97"));
    CHECK(stream.driver.closes[0].text == "too slow");
}

TEST_CASE("before CONNACK nothing but CONNACK is sent and there is no will", "[MQTT5-3.14.0-1][MQTT5-3.2.0-1]") {
    dialogue fresh;
    fresh.session.on_shutdown();
    CHECK(fresh.received().empty());
    CHECK(fresh.closed_by(close_reason::shutdown));
    dialogue late;
    late.session.on_connect_timeout();
    CHECK(late.closed_by(close_reason::connect_timeout));
    dialogue login;
    login.driver.automatic = false;
    (void)login.send(packet_bytes::connect(5, "c1"));
    login.session.on_shutdown();
    CHECK(login.received() == "20 03 00 88 00");
    CHECK_FALSE(login.driver.closes[0].publish_will);
    login.session.on_authenticated({});
    CHECK_FALSE(login.driver.claimed);
    dialogue evicted;
    evicted.driver.automatic = false;
    (void)evicted.send(packet_bytes::connect(5, "c1"));
    evicted.session.on_evicted();
    CHECK(evicted.received().empty());
}

TEST_CASE("a shutdown during the login sends no CONNACK that the client has no room for", "[MQTT5-3.1.2-24]") {
    dialogue small;
    small.driver.automatic = false;
    (void)small.send(packet_bytes::connect(5, "c1", hex("27 00000004")));
    small.session.on_shutdown();
    CHECK(small.received().empty());
    CHECK(small.closed_by(close_reason::shutdown));
}

TEST_CASE("the client's connection ends without DISCONNECT: the will is due", "[MQTT311-3.1.2-8]") {
    dialogue talk;
    talk.connect(4);
    talk.session.on_transport_closed();
    CHECK(talk.closed_by(close_reason::transport_closed));
    CHECK(talk.driver.closes[0].publish_will);
    talk.session.on_transport_closed();
    CHECK(talk.driver.closes.size() == 1);
}

TEST_CASE("PINGREQ is answered", "[MQTT311-3.12.4-1][MQTT5-3.12.4-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(hex("c000 c000")) == "d0 00 d0 00");
}

TEST_CASE("packets a client may not send, and QoS 2 answers to nothing",
          "[MQTT311-4.8.0-1][MQTT5-4.13.1-1][MQTT5-4.3.3-11]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    for (const auto& sample : packet_samples::all()) {
        using enum mqtt::packet_type;
        const bool wrong = sample.type == connack || sample.type == pubrec || sample.type == pubcomp ||
                           sample.type == suback || sample.type == unsuback || sample.type == pingresp;
        if (static_cast<unsigned>(sample.version) != level || !wrong) continue;
        dialogue talk;
        talk.connect(level);
        INFO(sample.name);
        CHECK(talk.send(sample.bytes).substr(0, 2) == (level == 5 ? "e0" : ""));
        CHECK(talk.closed_by(close_reason::protocol_error));
    }
    dialogue released;
    released.connect(level);
    CHECK(released.send(hex("62 02 0009")) == (level == 5 ? "70 03 00 09 92" : "70 02 00 09"));
    CHECK(released.session.connected());
}

TEST_CASE("a malformed packet ends the connection, 5.0 with its code",
          "[MQTT311-4.8.0-1][MQTT5-4.13.1-1][MQTT5-3.14.1-1][MQTT5-3.2.2-15][MQTT5-4.13.2-1][MQTT5-1.5.4-1]"
          "[MQTT311-2.2.2-2][MQTT5-2.1.3-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const auto bytes = GENERATE(hex("e100"), hex("3001ff"), hex("80020001"), hex("0000"), hex("30ffffffff"));
    dialogue talk;
    talk.connect(level);
    const std::string answer = talk.send(bytes);
    CHECK((level == 5 ? answer.substr(6, 2) : answer) == (level == 5 ? "81" : ""));
    CHECK(talk.closed_by(close_reason::malformed));
    dialogue large;
    large.connect(level);
    const std::string too_large = large.send(hex("30 fdff07")); // 131,073 bytes
    CHECK((level == 5 ? too_large.substr(6, 2) : too_large) == (level == 5 ? "95" : ""));
    CHECK(large.closed_by(close_reason::malformed));
}
