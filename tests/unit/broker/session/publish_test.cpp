#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::hex;
using packet_bytes::publish;
using session::close_reason;
using session::delivery_result;
using session::publish_verdict;
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

} // namespace

TEST_CASE("QoS 0 is handed on and not answered", "[MQTT311-3.3.4-1][MQTT5-3.3.4-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(publish(level, 1, "a/b", 0, "hi")).empty()); // RETAIN is ignored in the preview
    REQUIRE(talk.driver.publishes.size() == 1);
    CHECK(talk.driver.publishes[0].topic == "a/b");
    CHECK(talk.driver.publishes[0].payload == "hi");
    CHECK(talk.driver.publishes[0].qos == 0);
    CHECK(talk.driver.publishes[0].packet_identifier == 0);
}

TEST_CASE("QoS 1 is acknowledged when it is settled, not before",
          "[MQTT311-4.3.2-2][MQTT5-4.3.2-4][MQTT311-2.3.1-6][MQTT311-3.3.4-1][MQTT5-2.2.1-5][MQTT5-3.3.4-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(publish(level, 2, "a", 7, "x") + publish(level, 2, "a", 9, "")).empty());
    talk.settle(7);
    CHECK(talk.received() == "40 02 00 07");
    talk.settle(9, publish_verdict::no_subscribers);
    CHECK(talk.received() == (level == 5 ? "40 03 00 09 10" : "40 02 00 09"));
    CHECK(talk.session.publishes_in_flight() == 0);
    talk.settle(9);
    CHECK(talk.received().empty());
}

TEST_CASE("a repeat of a pending PUBLISH is answered once; after PUBACK it is a new message",
          "[MQTT311-4.3.2-2][MQTT5-4.3.2-5][MQTT311-2.3.1-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(publish(level, 2, "a", 7, "x"));
    (void)talk.send(publish(level, 0x0A, "a", 7, "x"));
    CHECK(talk.driver.publishes.size() == 1);
    talk.settle(7);
    CHECK(talk.received() == "40 02 00 07");
    (void)talk.send(publish(level, 0x0A, "a", 7, "x"));
    CHECK(talk.driver.publishes.size() == 2);
    CHECK(talk.driver.publishes[1].dup);
    talk.settle(7);
    CHECK(talk.received() == "40 02 00 07");
}

TEST_CASE("what a PUBLISH may never be ends the connection",
          "[MQTT311-3.3.2-2][MQTT5-3.3.2-2][MQTT5-3.2.2-11][MQTT5-3.2.2-18][MQTT5-3.3.2-8][MQTT5-3.3.4-6]"
          "[MQTT5-3.3.1-4][MQTT5-4.7.0-1][MQTT5-4.7.3-1]") {
    struct wrong {
        std::string bytes;
        std::string code;
    };
    const auto each = GENERATE(
        wrong{publish(5, 4, "a", 1, "x"), "9b"}, wrong{publish(5, 0, "a/+", 0, "x"), "90"},
        wrong{publish(5, 0, "", 0, "x"), "82"}, wrong{publish(5, 0, "a", 0, "x", hex("23 0001")), "94"},
        wrong{publish(5, 0, "", 0, "x", hex("23 0000")), "94"}, wrong{publish(5, 0, "a", 0, "x", hex("0b 01")), "82"},
        wrong{publish(5, 2, "a", 0, "x"), "82"}, wrong{publish(5, 6, "a", 1, "x"), "81"});
    dialogue v5;
    v5.connect(5);
    const std::string answer = v5.send(each.bytes);
    INFO(answer);
    CHECK(answer.substr(0, 2) == "e0");
    CHECK(answer.substr(6, 2) == each.code);
    CHECK(v5.driver.closes.size() == 1);
    CHECK(v5.driver.closes[0].publish_will);
    CHECK(v5.driver.publishes.empty());
    CHECK(v5.driver.reports.size() == 1);
}

TEST_CASE("3.x clients are closed without a packet",
          "[MQTT311-3.3.5-2][MQTT311-3.3.2-2][MQTT311-3.3.1-4][MQTT311-4.7.3-1][MQTT31-20]") {
    const unsigned level = GENERATE(3U, 4U);
    const auto bytes = GENERATE(publish(4, 4, "a", 1, "x"), publish(4, 0, "a/#", 0, "x"), publish(4, 0, "", 0, "x"),
                                publish(4, 0, "s/us", 0, "x"), publish(4, 2, "$SYS", 1, "x"),
                                publish(4, 2, std::string(257, 't'), 1, "x"), publish(4, 2, "a", 0, "x"));
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(bytes).empty());
    CHECK(talk.driver.closes.size() == 1);
    CHECK(talk.driver.publishes.empty());
}

TEST_CASE("a 5.0 client is told and stays", "[MQTT5-3.4.2-1]") {
    struct refused {
        std::string topic;
        std::string code;
        std::string properties;
    };
    const auto each =
        GENERATE(refused{"s/us", "90", ""}, refused{"$debug/$error", "90", ""}, refused{"error", "90", ""},
                 refused{std::string(257, 't'), "97", ""}, refused{"a", "99", hex("01 01")});
    dialogue talk;
    talk.connect(5);
    CHECK(talk.send(publish(5, 0, each.topic, 0, "\xff", each.properties)).empty());
    const std::string answer = talk.send(publish(5, 2, each.topic, 0x0102, "\xff", each.properties));
    CHECK(answer.substr(0, 2) == "40");
    CHECK(answer.substr(6, 8) == "01 02 " + each.code);
    CHECK(talk.driver.publishes.empty());
    CHECK(talk.session.connected());
    CHECK(talk.driver.reports.size() == 2);
}

TEST_CASE("PUBACKs keep the order even when a later one is refused at once", "[MQTT5-4.6.0-2]") {
    dialogue talk;
    talk.connect(5, hex("17 00")); // no reason strings, please [MQTT5-3.1.2-29]
    CHECK(talk.send(publish(5, 2, "a", 1, "x") + publish(5, 2, "s/us", 2, "x") + publish(5, 2, "a", 3, "x")).empty());
    talk.settle(1);
    CHECK(talk.received() == "40 02 00 01 40 03 00 02 90");
    talk.settle(3, publish_verdict::refused, reason_code::quota_exceeded);
    CHECK(talk.received() == "40 03 00 03 97");
}

TEST_CASE("a PUBACK that waited for its turn does not carry the text of the one before") {
    dialogue talk;
    talk.connect(5);
    CHECK(talk.send(publish(5, 2, "a", 1, "x") + publish(5, 2, "s/us", 2, "x")).empty());
    talk.session.on_settled(1, {publish_verdict::refused, reason_code::quota_exceeded, "full"});
    const std::string answer = hex(talk.received());
    const std::string first = hex("40 0b 0001 97 07 1f 0004") + "full";
    CHECK(answer.substr(0, first.size()) == first);
    const std::string second = answer.substr(first.size());
    CHECK(second.substr(2, 3) == hex("0002 90"));
    CHECK(second.find("full") == std::string::npos);
    CHECK(second.find(mqtt::describe(reason_code::topic_name_invalid)) != std::string::npos);
}

TEST_CASE("a refused PUBLISH: 5.0 gets the code, 3.x is closed", "[MQTT5-3.4.2-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(publish(level, 2, "a", 1, "x") + publish(level, 2, "a", 2, "x"));
    talk.settle(1);
    talk.settle(2, publish_verdict::refused, reason_code::server_busy); // not a code PUBACK may carry
    CHECK(talk.received() == (level == 5 ? "40 02 00 01 40 03 00 02 83" : "40 02 00 01"));
    CHECK(talk.closed_by(close_reason::refused) == (level != 5));
}

TEST_CASE("a driver that cannot take more", "[MQTT311-4.8.0-2]") {
    const unsigned level = GENERATE(4U, 5U);
    dialogue talk;
    talk.connect(level);
    talk.driver.takes_publishes = false;
    CHECK(talk.send(publish(level, 0, "a", 0, "x")).empty());
    CHECK(talk.session.connected());
    const std::string answer = talk.send(publish(level, 2, "a", 1, "x"));
    CHECK((level == 5 ? answer.substr(6, 8) : answer) == (level == 5 ? "00 01 97" : ""));
    CHECK(talk.session.connected() == (level == 5));
}

TEST_CASE("Receive Maximum is enforced for 5.0 only", "[MQTT5-3.3.4-7]") {
    session_settings settings;
    settings.receive_maximum = 3;
    const unsigned level = GENERATE(4U, 5U);
    dialogue talk(settings);
    talk.connect(level);
    for (std::uint16_t id = 1; id <= 3; ++id) CHECK(talk.send(publish(level, 2, "a", id, "x")).empty());
    CHECK(talk.send(publish(level, 0, "a", 0, "x")).empty());
    CHECK(talk.session.connected());
    const std::string answer = talk.send(publish(level, 2, "a", 4, "x"));
    if (level == 4)
        CHECK(talk.session.connected());
    else
        CHECK(answer.substr(6, 2) == "93");
    CHECK(talk.session.closed() == (level == 5));
}

TEST_CASE("profile ga closes on RETAIN", "[MQTT5-3.2.2-14]") {
    const unsigned level = GENERATE(4U, 5U);
    dialogue talk(session_settings::ga());
    talk.connect(level);
    const std::string answer = talk.send(publish(level, 1, "a", 0, "x"));
    CHECK((level == 5 ? answer.substr(6, 2) : answer) == (level == 5 ? "9a" : ""));
    CHECK(talk.closed_by(close_reason::protocol_error));
}

TEST_CASE("pass-through properties reach the driver", "[MQTT5-3.3.2-17]") {
    dialogue talk;
    talk.connect(5);
    (void)talk.send(publish(5, 0, "a", 0, "x", hex("02 00000001 26 0001 61 0001 62 01 00")));
    REQUIRE(talk.driver.publishes.size() == 1);
    CHECK(talk.driver.publishes[0].properties == hex("26 0001 61 0001 62 01 00"));
}

TEST_CASE("deliveries", "[MQTT311-2.3.1-4][MQTT311-3.3.1-3][MQTT5-4.3.1-1][MQTT5-4.3.2-3][MQTT311-4.3.2-1]") {
    dialogue talk;
    talk.connect(4);
    CHECK(talk.session.on_deliver(message("a", "x", 0, 100)) == delivery_result::sent);
    CHECK(talk.received() == "30 04 00 01 61 78");
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{100});
    CHECK(talk.session.on_deliver(message("a", "x", 1, 101)) == delivery_result::awaits_puback);
    CHECK(talk.received() == "32 06 00 01 61 00 01 78");
    CHECK(talk.session.on_deliver(message("a", "y", 1, 102)) == delivery_result::awaits_puback);
    CHECK(talk.received() == "32 06 00 01 61 00 02 79");
    CHECK(talk.driver.acknowledged.size() == 1);
    (void)talk.send(hex("40 02 0002"));
    CHECK(talk.driver.acknowledged.back() == 102);
    (void)talk.send(hex("40 02 0002") + hex("40 02 7777")); // unknown: ignored
    CHECK(talk.driver.acknowledged.size() == 2);
    (void)talk.send(hex("40 02 0001"));
    CHECK(talk.driver.acknowledged.back() == 101);
    CHECK(talk.driver.credit_returned == 30);
    CHECK(talk.session.deliveries_in_flight() == 0);
    CHECK(talk.session.connected());
}

TEST_CASE("5.0 deliveries carry the properties, a failed PUBACK settles", "[MQTT5-4.4.0-2]") {
    dialogue talk;
    talk.connect(5);
    session::delivery with = message("a", "x", 1, 5);
    const std::string properties = hex("26 0001 61 0001 62");
    with.properties = properties;
    CHECK(talk.session.on_deliver(with) == delivery_result::awaits_puback);
    CHECK(talk.received() == "32 0e 00 01 61 00 01 07 26 00 01 61 00 01 62 78");
    (void)talk.send(hex("40 03 0001 80"));
    CHECK(talk.driver.acknowledged == std::vector<std::uint64_t>{5});
}

TEST_CASE("the client's Receive Maximum and Maximum Packet Size hold",
          "[MQTT5-3.3.4-9][MQTT5-3.3.4-10][MQTT5-3.1.2-24][MQTT5-3.1.2-25][MQTT5-4.9.0-2]") {
    dialogue talk;
    talk.connect(5, hex("21 0002 27 00000028"));
    CHECK(talk.session.on_deliver(message("a", "x", 1, 1)) == delivery_result::awaits_puback);
    CHECK(talk.session.on_deliver(message("a", "x", 1, 2)) == delivery_result::awaits_puback);
    CHECK(talk.session.on_deliver(message("a", "x", 1, 3)) == delivery_result::refused);
    CHECK(talk.session.on_deliver(message("a", "x", 0, 4)) == delivery_result::sent);
    (void)talk.received();
    CHECK(talk.send(hex("c000")) == "d0 00");
    // 40 bytes in all: 2 header, 3 topic, 1 property length, 34 payload.
    CHECK(talk.session.on_deliver(message("a", std::string(34, 'x'), 0, 5)) == delivery_result::sent);
    CHECK(talk.driver.out.size() == 40);
    (void)talk.received();
    CHECK(talk.session.on_deliver(message("a", std::string(35, 'x'), 0, 6)) == delivery_result::dropped);
    CHECK(talk.driver.out.empty());
    CHECK(talk.driver.acknowledged.back() == 6);
}

TEST_CASE("nothing is delivered before CONNACK or after the end") {
    dialogue talk;
    CHECK(talk.session.on_deliver(message("a", "x", 0, 1)) == delivery_result::refused);
    talk.connect(4);
    (void)talk.send(hex("e000"));
    CHECK(talk.session.on_deliver(message("a", "x", 0, 1)) == delivery_result::refused);
    CHECK(talk.driver.acknowledged.empty());
}

TEST_CASE("an idle session is small") { CHECK(sizeof(session::session) <= 320); }
