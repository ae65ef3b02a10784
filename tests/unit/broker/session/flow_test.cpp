// Identifiers, windows and flags of the messages in both directions.
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using packet_bytes::hex;
using packet_bytes::publish;
using packet_bytes::subscribe;
using packet_bytes::unsubscribe;
using session::close_reason;
using session::delivery_result;
using session::session_settings;
using session_harness::dialogue;

namespace {

session::delivery message(std::string_view topic, std::string_view payload, std::uint8_t qos, std::uint64_t position) {
    session::delivery made;
    made.topic = topic;
    made.payload = payload;
    made.qos = qos;
    made.position = position;
    made.credit_bytes = 10;
    return made;
}

std::string puback(std::uint16_t identifier) {
    return hex("40 02") + static_cast<char>(identifier >> 8) + static_cast<char>(identifier);
}

} // namespace

TEST_CASE("at the client's Receive Maximum everything but QoS 1 messages goes on",
          "[MQTT5-3.3.4-9][MQTT5-3.3.4-10][MQTT5-4.9.0-1][MQTT5-4.9.0-2][MQTT5-4.9.0-3]") {
    dialogue talk;
    talk.connect(5, hex("21 0001 17 00"));
    CHECK(talk.driver.terms->deliveries_in_flight_max == 1);
    CHECK(talk.session.on_deliver(message("a", "1", 1, 1)) == delivery_result::awaits_puback);
    CHECK(talk.session.on_deliver(message("a", "2", 1, 2)) == delivery_result::refused);
    (void)talk.received();
    CHECK(talk.session.on_deliver(message("a", "0", 0, 3)) == delivery_result::sent);
    CHECK(talk.received() == "30 05 00 01 61 00 30");
    CHECK(talk.send(hex("c000")) == "d0 00");
    (void)talk.send(publish(5, 2, "b", 5, "x"));
    talk.settle(5);
    CHECK(talk.received() == "40 02 00 05");
    CHECK(talk.send(subscribe(5, 6, "b", 1) + unsubscribe(5, 7, "c") + hex("62 02 0008")) ==
          "b0 04 00 07 00 11 70 03 00 08 92");
    talk.driver.answer_requests();
    CHECK(talk.received() == "90 04 00 06 00 01");
    (void)talk.send(hex("40 03 0001 87")); // a failure settles as well
    CHECK(talk.session.on_deliver(message("a", "2", 1, 2)) == delivery_result::awaits_puback);
    CHECK(talk.session.on_deliver(message("a", "4", 1, 4)) == delivery_result::refused);
}

TEST_CASE("Receive Maximum towards the client: its own, at most the service's, 64 for 3.x",
          "[MQTT5-3.3.4-9][MQTT5-4.9.0-1]") {
    const auto in_flight = [](unsigned level, std::string_view properties) {
        dialogue talk;
        talk.connect(level, hex(properties));
        unsigned sent = 0;
        while (sent < 70'000 && talk.session.on_deliver(message("a", "x", 1, sent)) == delivery_result::awaits_puback)
            ++sent;
        return sent;
    };
    CHECK(in_flight(5, "") == 1'000);
    CHECK(in_flight(5, "21 ffff") == 1'000);
    CHECK(in_flight(5, "21 0014") == 20);
    CHECK(in_flight(4, "") == 64);
    CHECK(in_flight(3, "") == 64);
}

TEST_CASE("an identifier is free again once its acknowledgement was sent", "[MQTT311-2.3.1-3][MQTT311-2.3.1-7]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    for (int round = 0; round < 3; ++round) {
        (void)talk.send(publish(level, 2, "a", 7, "x"));
        talk.settle(7);
        CHECK(talk.received() == "40 02 00 07");
        (void)talk.send(subscribe(level, 7, "a", 0));
        talk.driver.answer_requests();
        CHECK(talk.received().substr(0, 11) == (level == 5 ? "90 04 00 07" : "90 03 00 07"));
        (void)talk.send(unsubscribe(level, 7, "a"));
        talk.driver.answer_requests();
        CHECK(talk.received().substr(0, 11) == (level == 5 ? "b0 04 00 07" : "b0 02 00 07"));
    }
    CHECK(talk.driver.publishes.size() == 3);
}

TEST_CASE("an identifier used again too early, without DUP, is a message of its own; each gets its PUBACK",
          "[MQTT311-2.3.1-6][MQTT5-2.2.1-5]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(publish(level, 2, "a", 0xFFFF, "x") + publish(level, 2, "a", 0xFFFF, "y"));
    CHECK(talk.driver.publishes.size() == 2);
    talk.settle(0xFFFF);
    talk.settle(0xFFFF);
    CHECK(talk.received() == "40 02 ff ff 40 02 ff ff");
}

TEST_CASE("the identifiers of the two directions have nothing to do with each other",
          "[MQTT311-2.3.1-6][MQTT5-2.2.1-5][MQTT5-4.3.2-2]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(publish(level, 2, "a", 1, "x"));
    CHECK(talk.session.on_deliver(message("b", "y", 1, 40)) == delivery_result::awaits_puback);
    CHECK(talk.received() == (level == 5 ? "32 07 00 01 62 00 01 00 79" : "32 06 00 01 62 00 01 79"));
    CHECK(talk.send(puback(1)).empty());
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{40});
    talk.settle(1);
    CHECK(talk.received() == "40 02 00 01");
}

TEST_CASE("a delivery is open until its PUBACK, under an identifier of its own",
          "[MQTT311-2.3.1-4][MQTT311-4.3.2-1][MQTT5-2.2.1-4][MQTT5-4.3.2-1][MQTT5-4.3.2-2][MQTT5-4.3.2-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    std::string identifiers;
    for (std::uint64_t position = 1; position <= 64; ++position) {
        REQUIRE(talk.session.on_deliver(message("a", "x", 1, position)) == delivery_result::awaits_puback);
        const std::string bytes = hex(talk.received());
        CHECK(bytes[0] == 0x32); // QoS 1, no DUP, no RETAIN
        const std::string identifier = bytes.substr(5, 2);
        CHECK(identifier != hex("0000"));
        for (std::size_t at = 0; at < identifiers.size(); at += 2) CHECK(identifiers.substr(at, 2) != identifier);
        identifiers += identifier;
    }
    CHECK(talk.driver.acknowledged.empty());
    CHECK(talk.session.deliveries_in_flight() == 64);
    (void)talk.send(hex("40 02") + identifiers.substr(20, 2));
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{11});
    REQUIRE(talk.session.on_deliver(message("a", "x", 1, 65)) == delivery_result::awaits_puback);
    CHECK(hex(talk.received()).substr(5, 2) == identifiers.substr(20, 2)); // the only free one
}

TEST_CASE("flags of deliveries: RETAIN never, DUP only for a repeat and never with QoS 0",
          "[MQTT311-3.3.1-1][MQTT311-3.3.1-2][MQTT311-3.3.1-9][MQTT311-4.3.1-1][MQTT5-3.3.1-1][MQTT5-3.3.1-2]"
          "[MQTT5-3.3.1-12][MQTT5-4.3.1-1][MQTT31-23]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    const auto first_byte = [&talk](std::uint8_t qos, bool again) {
        session::delivery one = message("a", "x", qos, 1);
        one.dup = again;
        (void)talk.session.on_deliver(one);
        return talk.received().substr(0, 2);
    };
    CHECK(first_byte(0, false) == "30");
    CHECK(first_byte(0, true) == "30");
    CHECK(first_byte(1, false) == "32");
    CHECK(first_byte(1, true) == "3a");
}

TEST_CASE("DUP and RETAIN of the publisher are the driver's to know, not the subscriber's",
          "[MQTT311-3.3.1-3][MQTT5-3.3.1-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(publish(level, 0x0B, "a", 3, "x"));
    REQUIRE(talk.driver.publishes.size() == 1);
    CHECK(talk.driver.publishes[0].dup);
    CHECK(talk.driver.publishes[0].retain);
    CHECK(talk.session.on_deliver(message("a", "x", 1, 1)) == delivery_result::awaits_puback);
    CHECK(talk.received().substr(0, 2) == "32");
}

TEST_CASE("no topic alias is ever sent, whatever the client would take",
          "[MQTT5-3.1.2-26][MQTT5-3.1.2-27][MQTT5-3.3.2-11]") {
    const auto* asked = GENERATE("", "22 0000", "22 0001", "22 ffff");
    dialogue talk;
    talk.connect(5, hex(asked));
    for (std::uint64_t position = 1; position <= 3; ++position) {
        CHECK(talk.session.on_deliver(message("a/b", "x", 0, position)) == delivery_result::sent);
        CHECK(talk.received() == "30 07 00 03 61 2f 62 00 78");
    }
}

TEST_CASE("a topic alias is refused on every connection, with its topic and without",
          "[MQTT5-3.2.2-17][MQTT5-3.2.2-18][MQTT5-3.3.2-7][MQTT5-3.3.2-8][MQTT5-3.3.2-9]") {
    const auto alias = GENERATE(hex("23 0000"), hex("23 0001"), hex("23 ffff"));
    const std::string topic = GENERATE("a", "");
    for (int connection = 0; connection < 2; ++connection) {
        dialogue talk;
        talk.connect(5);
        const std::string answer = talk.send(publish(5, 0, topic, 0, "x", alias));
        CHECK(answer.substr(0, 2) == "e0");
        CHECK(answer.substr(6, 2) == "94");
        CHECK(talk.closed_by(close_reason::protocol_error));
        CHECK(talk.driver.publishes.empty());
    }
}

TEST_CASE("UNSUBSCRIBE does not touch deliveries that have begun", "[MQTT311-3.10.4-3][MQTT5-3.10.4-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(subscribe(level, 1, "a", 1));
    talk.driver.answer_requests();
    CHECK(talk.session.on_deliver(message("a", "x", 1, 9)) == delivery_result::awaits_puback);
    (void)talk.send(unsubscribe(level, 2, "a"));
    talk.driver.answer_requests();
    CHECK(talk.session.deliveries_in_flight() == 1);
    CHECK(talk.driver.acknowledged.empty());
    (void)talk.send(puback(1));
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{9});
}

TEST_CASE("deliveries do not wait for SUBACK", "[MQTT31-27]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(subscribe(level, 1, "a", 1));
    CHECK(talk.session.on_deliver(message("a", "x", 0, 9)) == delivery_result::sent);
    CHECK(talk.received().substr(0, 2) == "30");
    talk.driver.answer_requests();
    CHECK(talk.received().substr(0, 2) == "90");
}

TEST_CASE("quiet moments give memory back, never state", "[MQTT311-4.1.0-1][MQTT311-4.1.0-2][MQTT5-4.1.0-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    session_settings settings;
    settings.subscriptions_max = 1;
    dialogue talk(settings);
    talk.connect(level);
    (void)talk.send(subscribe(level, 1, "a", 1));
    talk.driver.answer_requests();
    (void)talk.send(publish(level, 2, "b", 2, "x") + subscribe(level, 3, "a", 0));
    CHECK(talk.session.on_deliver(message("a", "x", 1, 9)) == delivery_result::awaits_puback);
    (void)talk.received();
    talk.session.release_idle_memory();
    CHECK(talk.session.connected());
    talk.driver.answer_requests();
    CHECK(talk.received().substr(0, 2) == "90");
    talk.settle(2);
    CHECK(talk.received() == "40 02 00 02");
    (void)talk.send(puback(1));
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{9});
    talk.session.release_idle_memory();
    (void)talk.send(subscribe(level, 4, "another", 1)); // the one subscription is still counted
    CHECK(talk.driver.requests.empty());
    CHECK(talk.session.on_deliver(message("a", "x", 1, 10)) == delivery_result::awaits_puback);
}

TEST_CASE("a PUBLISH of 131,072 bytes passes, one byte more does not", "[MQTT5-3.2.2-15]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::size_t head = 4 + 3 + 2 + (level == 5 ? 1 : 0); // fixed header, topic, identifier, property length
    const std::string fits = publish(level, 2, "a", 7, std::string(131'072 - head, 'p'));
    REQUIRE(fits.size() == 131'072);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(fits).empty());
    REQUIRE(talk.driver.publishes.size() == 1);
    CHECK(talk.driver.publishes[0].payload.size() == 131'072 - head);
    talk.settle(7);
    CHECK(talk.received() == "40 02 00 07");
    const std::string answer = talk.send(publish(level, 2, "a", 8, std::string(131'073 - head, 'p')));
    CHECK((level == 5 ? answer.substr(0, 2) + answer.substr(6, 2) : answer) == (level == 5 ? "e095" : ""));
    CHECK(talk.closed_by(close_reason::malformed));
    CHECK(talk.driver.publishes.size() == 1);
}

TEST_CASE("empty payloads pass in both directions") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(publish(level, 0, "a", 0, "") + publish(level, 1, "a", 0, "")).empty());
    REQUIRE(talk.driver.publishes.size() == 2);
    CHECK(talk.driver.publishes[0].payload.empty());
    CHECK(talk.session.on_deliver(message("a", "", 0, 1)) == delivery_result::sent);
    CHECK(talk.received() == (level == 5 ? "30 04 00 01 61 00" : "30 03 00 01 61"));
    CHECK(talk.session.connected());
}

TEST_CASE("what passes through is delivered as it came, in its order",
          "[MQTT5-3.3.2-4][MQTT5-3.3.2-15][MQTT5-3.3.2-16][MQTT5-3.3.2-17][MQTT5-3.3.2-18][MQTT5-3.3.2-20]") {
    dialogue talk;
    talk.connect(5);
    const std::string given = hex("26 0001 62 0001 31 01 01 03 0001 74 26 0001 61 0001 32 08 0001 72 09 0003 00ff01"
                                  "26 0001 62 0001 31 26 0000 0000");
    CHECK(talk.send(publish(5, 0, "a", 0, "x", given)).empty());
    REQUIRE(talk.driver.publishes.size() == 1);
    CHECK(talk.driver.publishes[0].properties == given);
    session::delivery out = message("a", "x", 0, 1);
    out.properties = talk.driver.publishes[0].properties;
    CHECK(talk.session.on_deliver(out) == delivery_result::sent);
    CHECK(talk.received() == packet_bytes::dump(publish(5, 0, "a", 0, "x", given)));
}
