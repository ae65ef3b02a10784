#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::hex;
using packet_bytes::subscribe;
using session::close_reason;
using session::session_settings;
using session_harness::dialogue;

namespace {

std::string ask(dialogue& talk, std::string_view bytes) {
    std::string answer = talk.send(bytes);
    talk.driver.answer_requests();
    const std::string rest = talk.received();
    return answer.empty() ? rest : rest.empty() ? answer : answer + " " + rest;
}

} // namespace

TEST_CASE("SUBACK waits for the driver and grants at most QoS 1",
          "[MQTT311-3.8.4-1][MQTT311-3.8.4-2][MQTT311-3.8.4-6][MQTT5-3.8.4-1][MQTT5-3.2.2-10][MQTT5-3.8.4-2]"
          "[MQTT5-3.8.4-7]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const unsigned qos = GENERATE(0U, 1U, 2U);
    dialogue talk;
    talk.connect(level);
    CHECK(talk.send(subscribe(level, 0x0102, "a/b", qos)).empty());
    REQUIRE(talk.driver.requests.size() == 1);
    CHECK(talk.driver.requests[0].filter == "a/b");
    CHECK(talk.driver.requests[0].qos == std::min(qos, 1U));
    talk.driver.answer_requests();
    const std::string granted = qos == 0 ? " 00" : " 01";
    CHECK(talk.received() == (level == 5 ? "90 04 01 02 00" : "90 03 01 02") + granted);
}

TEST_CASE("codes stand in the order of the filters, whatever order the answers come in",
          "[MQTT311-3.9.3-1][MQTT311-3.8.4-4][MQTT311-3.8.4-5][MQTT5-3.9.3-1][MQTT5-3.8.4-6][MQTT5-3.8.4-5]") {
    dialogue talk;
    talk.connect(5, hex("17 00"));
    (void)talk.send(hex("82 17 0007 00 0001 61 01 0001 23 01 0001 62 00 0001 63 02 0001 64 01"));
    REQUIRE(talk.driver.requests.size() == 4); // `#` is refused without asking
    const auto requests = talk.driver.requests;
    const auto answer = [&talk](std::uint32_t number, reason_code reason) {
        session::subscribe_outcome outcome;
        outcome.reason = reason;
        talk.session.on_subscribed(number, outcome);
    };
    answer(requests[3].number, reason_code::quota_exceeded);
    answer(requests[1].number, reason_code::granted_qos_0);
    answer(requests[0].number, reason_code::granted_qos_1);
    CHECK(talk.received().empty());
    answer(requests[2].number, reason_code::granted_qos_1);
    CHECK(talk.received() == "90 08 00 07 00 01 a2 00 01 97");
    answer(requests[2].number, reason_code::granted_qos_1); // a second answer changes nothing
    CHECK(talk.received().empty());
}

TEST_CASE("two SUBSCRIBEs under way are told apart", "[MQTT311-2.3.1-7][MQTT5-2.2.1-6]") {
    dialogue talk;
    talk.connect(4);
    (void)talk.send(subscribe(4, 1, "a", 0) + subscribe(4, 2, "b", 1));
    const auto requests = talk.driver.requests;
    REQUIRE(requests.size() == 2);
    talk.session.on_subscribed(requests[1].number, {reason_code::granted_qos_1, false, {}});
    CHECK(talk.received() == "90 03 00 02 01");
    talk.session.on_subscribed(requests[0].number, {reason_code::granted_qos_0, false, {}});
    CHECK(talk.received() == "90 03 00 01 00");
}

TEST_CASE("filters that are refused, by version",
          "[MQTT311-3.8.3-2][MQTT311-4.7.1-2][MQTT311-3.9.3-2][MQTT5-4.7.1-1][MQTT5-3.9.3-2][MQTT311-4.7.1-3]"
          "[MQTT5-4.7.1-2][MQTT31-25]") {
    struct refused {
        std::string filter;
        std::string code;
    };
    const auto each =
        GENERATE(refused{"#", "a2"}, refused{"a/+", "a2"}, refused{"a#", "8f"}, refused{"", "8f"},
                 refused{"$SYS/x", "8f"}, refused{"s/us", "8f"}, refused{"error", "8f"},
                 refused{std::string(257, 'f'), "97"}, refused{"$share//x", "8f"}, refused{"$share/g/x", "9e"});
    dialogue v5;
    v5.connect(5, hex("17 00"));
    CHECK(v5.send(subscribe(5, 1, each.filter, 1)) == "90 04 00 01 00 " + each.code);
    CHECK(v5.session.connected());
    CHECK(v5.driver.requests.empty());
    dialogue v311;
    v311.connect(4);
    CHECK(v311.send(subscribe(4, 1, each.filter, 1)) == "90 03 00 01 80");
    CHECK(v311.session.connected());
    dialogue v31; // 3.1 has no failure code: granted and never delivered, or closed if it is no filter at all
    v31.connect(3);
    const std::string answer = v31.send(subscribe(3, 1, each.filter, 1));
    const bool no_filter = each.filter.empty() || each.filter == "a#";
    CHECK(answer == (no_filter ? "" : "90 03 00 01 01"));
    CHECK(v31.session.closed() == no_filter);
}

TEST_CASE("the reason string of SUBACK") {
    dialogue talk;
    talk.connect(5);
    const std::string answer = talk.send(subscribe(5, 1, "#", 0));
    CHECK(answer.substr(answer.size() - 2) == "a2");
    CHECK(hex(answer).find("wildcards") != std::string::npos);
}

TEST_CASE("subscription identifiers and no-local on shared subscriptions", "[MQTT5-3.8.3-4]") {
    dialogue identifier;
    identifier.connect(5, hex("17 00"));
    CHECK(identifier.send(hex("82 09 0001 02 0b05 0001 61 00")) == "90 04 00 01 00 a1");
    dialogue no_local;
    no_local.connect(5);
    CHECK(no_local.send(subscribe(5, 1, "$share/g/x", 4)).substr(6, 2) == "82");
    CHECK(no_local.closed_by(close_reason::protocol_error));
}

TEST_CASE("with the strict policy missing features disconnect a 5.0 client") {
    session_settings settings;
    settings.unsupported_filter = session::unsupported_filter_policy::disconnect;
    const auto code = [&settings](const std::string& bytes) {
        dialogue talk(settings);
        talk.connect(5);
        const std::string answer = talk.send(bytes);
        CHECK(talk.closed_by(close_reason::protocol_error));
        return answer.substr(0, 2) + answer.substr(6, 2);
    };
    CHECK(code(subscribe(5, 1, "#", 0)) == "e0a2");
    CHECK(code(subscribe(5, 1, "$share/g/x", 0)) == "e09e");
    CHECK(code(hex("82 09 0001 02 0b05 0001 61 00")) == "e0a1");
    dialogue v311(settings);
    v311.connect(4);
    CHECK(v311.send(subscribe(4, 1, "#", 1)) == "90 03 00 01 80");
}

TEST_CASE("profile ga has wildcards, the error topic is in every profile") {
    dialogue ga(session_settings::ga());
    ga.connect(4);
    CHECK(ask(ga, subscribe(4, 1, "a/+/#", 1)) == "90 03 00 01 01");
    dialogue preview;
    preview.connect(4);
    CHECK(ask(preview, subscribe(4, 1, "$debug/$error", 1)) == "90 03 00 01 01");
}

TEST_CASE("the limit of subscriptions counts filters, not SUBSCRIBEs", "[MQTT311-3.8.4-3][MQTT5-3.8.4-3]") {
    session_settings settings;
    settings.subscriptions_max = 2;
    dialogue talk(settings);
    talk.connect(5, hex("17 00"));
    CHECK(ask(talk, subscribe(5, 1, "a", 0)) == "90 04 00 01 00 00");
    CHECK(ask(talk, subscribe(5, 2, "a", 1)) == "90 04 00 02 00 01");
    CHECK(ask(talk, subscribe(5, 3, "b", 0)) == "90 04 00 03 00 00");
    CHECK(ask(talk, subscribe(5, 4, "c", 0)) == "90 04 00 04 00 97");
    CHECK(ask(talk, subscribe(5, 5, "a", 0)) == "90 04 00 05 00 00");
    CHECK(ask(talk, hex("a2 06 0006 00 0001 62")) == "b0 04 00 06 00 00");
    CHECK(ask(talk, subscribe(5, 7, "c", 0)) == "90 04 00 07 00 00");
}

TEST_CASE("UNSUBACK comes in any case",
          "[MQTT311-3.10.4-4][MQTT311-3.10.4-5][MQTT5-3.10.4-4][MQTT5-3.10.4-5][MQTT5-3.11.3-1][MQTT311-2.3.1-7]"
          "[MQTT311-3.10.4-6][MQTT5-2.2.1-6][MQTT5-3.10.4-6][MQTT5-3.11.3-2]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)ask(talk, subscribe(level, 1, "b", 0));
    const std::string body = hex("0002") + (level == 5 ? hex("00") : "") + hex("0001 61 0001 62");
    CHECK(ask(talk, packet_bytes::packet(0xA2, body)) == (level == 5 ? "b0 05 00 02 00 11 00" : "b0 02 00 02"));
}

TEST_CASE("a client with too many unanswered requests is not read") {
    dialogue talk;
    talk.connect(4);
    std::string bytes;
    for (std::uint16_t id = 1; id <= 300; ++id)
        bytes += subscribe(4, id, "t/" + std::to_string(id) + "x", 0); // `t/` is reserved: answered at once
    (void)talk.send(bytes);
    CHECK_FALSE(talk.session.waiting());
    bytes.clear();
    for (std::uint16_t id = 1; id <= 300; ++id) bytes += subscribe(4, id, "free/" + std::to_string(id), 0);
    (void)talk.send(bytes);
    CHECK(talk.session.waiting());
    CHECK(talk.driver.requests.size() == 256);
    talk.driver.answer_requests();
    CHECK_FALSE(talk.session.waiting());
    (void)talk.send("");
    talk.driver.answer_requests();
    CHECK(talk.driver.filters.size() == 300);
}

TEST_CASE("No Local travels with its filter", "[MQTT5-3.8.3-3]") {
    dialogue talk;
    talk.connect(5);
    (void)talk.send(hex("82 0b 0001 00 0001 61 05 0001 62 01"));
    REQUIRE(talk.driver.requests.size() == 2);
    CHECK(talk.driver.requests[0].no_local);
    CHECK(talk.driver.requests[0].qos == 1);
    CHECK_FALSE(talk.driver.requests[1].no_local);
}

TEST_CASE("whatever the store says, SUBACK has a code of its table",
          "[MQTT311-3.8.4-5][MQTT311-3.9.3-2][MQTT5-3.8.4-7][MQTT5-3.9.3-2]") {
    const unsigned level = GENERATE(4U, 5U);
    const std::string allowed = hex("80 83 87 8f 91 97 9e a1 a2");
    for (int code = 0x80; code < 0x100; ++code) {
        dialogue talk;
        talk.connect(level, level == 5 ? hex("17 00") : "");
        (void)talk.send(subscribe(level, 1, "a", 1));
        REQUIRE(talk.driver.requests.size() == 1);
        session::subscribe_outcome outcome;
        outcome.reason = static_cast<reason_code>(code);
        talk.session.on_subscribed(talk.driver.requests[0].number, outcome);
        const bool known = allowed.find(static_cast<char>(code)) != std::string::npos;
        const std::string told(1, level == 4 ? '\x80' : static_cast<char>(known ? code : 0x83));
        CHECK(talk.received() == (level == 5 ? "90 04 00 01 00 " : "90 03 00 01 ") + packet_bytes::dump(told));
        CHECK(talk.session.connected());
    }
}

TEST_CASE("an answer of exactly the client's maximum packet size is sent, a larger one ends it", "[MQTT5-3.1.2-24]") {
    const auto answer = [](std::size_t filters) {
        dialogue talk;
        talk.connect(5, hex("17 00 27 00000015")); // 21 bytes, as many as CONNACK takes
        std::string body = hex("0001 00");
        for (std::size_t i = 0; i < filters; ++i) body += hex("0001 23 00");
        return talk.send(packet_bytes::packet(0x82, body));
    };
    CHECK(answer(16).substr(0, 14) == "90 13 00 01 00");
    CHECK(hex(answer(16)).size() == 21);
    CHECK(answer(17).substr(6, 2) == "95");
}

TEST_CASE("UNSUBSCRIBE asks the driver only for what the client has", "[MQTT5-3.11.3-1]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(subscribe(level, 1, "b", 0)); // not even answered yet
    std::string body = hex("0002") + (level == 5 ? hex("00") : "");
    for (int i = 0; i < 20'000; ++i) body += hex("0000") + packet_bytes::text("b");
    (void)talk.send(packet_bytes::packet(0xA2, body));
    REQUIRE(talk.driver.requests.size() == 2);
    CHECK(talk.driver.requests[1].unsubscribe);
    CHECK_FALSE(talk.session.waiting());
    talk.driver.answer_requests();
    const std::string answers = hex(talk.received());
    const std::string unsuback = answers.substr(level == 5 ? 6 : 5);
    if (level != 5) CHECK(unsuback == hex("b0 02 0002"));
    if (level == 5) CHECK(unsuback == packet_bytes::packet(0xB0, hex("0002 00 11 00") + std::string(39'998, '\x11')));
}

TEST_CASE("a client at its limit may replace subscriptions, but not ask for more at once than it may have") {
    session_settings settings;
    settings.subscriptions_max = 2;
    dialogue talk(settings);
    talk.connect(5, hex("17 00"));
    CHECK(ask(talk, subscribe(5, 1, "a", 0) + subscribe(5, 2, "b", 0)) == "90 04 00 01 00 00 90 04 00 02 00 00");
    std::string body = hex("0003 00");
    for (int i = 0; i < 5; ++i) body += hex("0001 61 01");
    (void)talk.send(packet_bytes::packet(0x82, body));
    CHECK(talk.driver.requests.size() == 2);
    talk.driver.answer_requests();
    CHECK(talk.received() == "90 08 00 03 00 01 01 97 97 97");
}
