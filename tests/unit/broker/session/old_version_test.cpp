// MQTT 3.1 (`MQIsdp`, level 3) where it differs from 3.1.1.
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using mqtt::reason_code;
using packet_bytes::connect_with;
using packet_bytes::hex;
using packet_bytes::packet;
using packet_bytes::publish;
using packet_bytes::subscribe;
using packet_bytes::text;
using packet_bytes::unsubscribe;
using session::close_reason;
using session_harness::dialogue;

namespace {

std::string answer_to(std::string_view bytes, dialogue& talk) {
    const std::string answer = talk.send(bytes);
    CHECK(talk.driver.closes.size() <= 1);
    return answer;
}

} // namespace

TEST_CASE("3.1: name and level belong together", "[MQTT31-1][MQTT31-2][MQTT31-3][MQTT31-34]") {
    const auto outcome = [](std::string_view name, unsigned level, bool accepted) {
        dialogue talk;
        const std::string rest = (level == 5 ? hex("02 003c 00 0001 63") : hex("02 003c 0001 63"));
        const std::string answer = talk.send(packet(0x10, text(name) + static_cast<char>(level) + rest));
        CHECK(talk.session.connected() == accepted);
        CHECK(talk.session.closed() != accepted);
        return answer;
    };
    CHECK(outcome("MQIsdp", 3, true) == "20 02 00 00");
    CHECK(outcome("MQTT", 4, true) == "20 02 00 00");
    for (const unsigned level : {0U, 4U, 5U, 6U, 0x83U, 0x84U}) {
        INFO(level);
        CHECK(outcome("MQIsdp", level, false) == "20 02 00 01");
    }
    for (const unsigned level : {0U, 3U, 6U, 0x83U, 0x84U, 0x85U}) {
        INFO(level);
        CHECK(outcome("MQTT", level, false) == "20 02 00 01");
    }
    CHECK(outcome("mqisdp", 3, false).empty());
    CHECK(outcome("MQIsd", 3, false).empty());
    CHECK(outcome("", 3, false).empty());
}

TEST_CASE("3.1: client identifiers are held to the service's limit, not to 23", "[MQTT31-4][MQTT31-5][MQTT31-6]") {
    dialogue longer;
    CHECK(answer_to(packet_bytes::connect(3, std::string(24, 'x')), longer) == "20 02 00 00");
    dialogue too_long;
    CHECK(answer_to(packet_bytes::connect(3, std::string(129, 'x')), too_long) == "20 02 00 02");
    CHECK(too_long.closed_by(close_reason::login_refused));
    const unsigned clean = GENERATE(0U, 2U);
    dialogue empty;
    CHECK(answer_to(connect_with(3, clean, text("")), empty) == "20 02 00 02");
    CHECK(empty.closed_by(close_reason::login_refused));
    dialogue any;
    CHECK(answer_to(packet_bytes::connect(3, "a/b #+$:-_\xC3\xA4"), any) == "20 02 00 00");
    CHECK(any.driver.claimed->client_id == "a/b #+$:-_\xC3\xA4");
}

TEST_CASE("3.1: PUBREL, SUBSCRIBE and UNSUBSCRIBE may come again with DUP and are answered again; 3.1.1 may not",
          "[MQTT31-16][MQTT31-17][MQTT31-18][MQTT31-29]") {
    const auto repeated = [](std::string bytes) {
        bytes[0] = static_cast<char>(bytes[0] | 8);
        return bytes;
    };
    dialogue talk;
    talk.connect(3);
    for (int round = 0; round < 2; ++round) {
        (void)talk.send(round == 0 ? subscribe(3, 5, "a", 1) : repeated(subscribe(3, 5, "a", 1)));
        talk.driver.answer_requests();
        CHECK(talk.received() == "90 03 00 05 01");
    }
    for (int round = 0; round < 2; ++round) {
        std::string got = talk.send(round == 0 ? unsubscribe(3, 6, "a") : repeated(unsubscribe(3, 6, "a")));
        talk.driver.answer_requests();
        got += talk.received();
        CHECK(got == "b0 02 00 06");
    }
    CHECK(talk.send(hex("62 02 0007") + hex("6a 02 0007")) == "70 02 00 07 70 02 00 07");
    (void)talk.send(publish(3, 2, "a", 8, "x"));
    (void)talk.send(publish(3, 0x0A, "a", 8, "x")); // a repeat on the live connection: one message, one PUBACK
    CHECK(talk.driver.publishes.size() == 1);
    talk.settle(8);
    CHECK(talk.received() == "40 02 00 08");
    CHECK(talk.session.connected());
    for (const std::string& bytes :
         {repeated(subscribe(4, 5, "a", 1)), repeated(unsubscribe(4, 6, "a")), hex("6a 02 0007")}) {
        dialogue strict;
        strict.connect(4);
        CHECK(strict.send(bytes).empty());
        CHECK(strict.closed_by(close_reason::malformed));
    }
}

TEST_CASE("3.1: flags that no version gives a meaning end the connection", "[MQTT31-19]") {
    const auto bytes = GENERATE(hex("c1 00"), hex("41 02 0001"), hex("e8 00"), hex("80 06 0001 0001 61 00"));
    dialogue talk;
    talk.connect(3);
    CHECK(talk.send(bytes).empty());
    CHECK(talk.closed_by(close_reason::malformed));
}

TEST_CASE("3.1: a PUBLISH that is not allowed ends the connection, as in 3.1.1", "[MQTT31-20][MQTT31-21][MQTT31-32]") {
    const auto topic =
        GENERATE(std::string("s/us"), std::string("$SYS/x"), std::string(257, 't'), std::string(32'768, 't'));
    dialogue talk;
    talk.connect(3);
    CHECK(talk.send(publish(3, 2, topic, 1, "x")).empty());
    CHECK(talk.driver.closes.size() == 1);
    CHECK(talk.driver.publishes.empty());
}

TEST_CASE("3.1: SUBACK grants 0 or 1, never more than was asked for, whatever becomes of the subscription",
          "[MQTT31-25][MQTT31-26][MQTT31-28][MQTT31-32]") {
    const unsigned wanted = GENERATE(0U, 1U, 2U);
    const unsigned unused_bits = GENERATE(0U, 0x80U, 0xFCU);
    const std::string granted = wanted == 0 ? "00" : "01";
    dialogue here; // refused by the session itself
    here.connect(3);
    CHECK(here.send(subscribe(3, 1, "$SYS/#", wanted | unused_bits)) == "90 03 00 01 " + granted);
    CHECK(here.driver.requests.empty());
    dialogue store; // refused by the store
    store.connect(3);
    (void)store.send(subscribe(3, 1, "a", wanted | unused_bits));
    REQUIRE(store.driver.requests.size() == 1);
    CHECK(store.driver.requests[0].qos == std::min(wanted, 1U));
    CHECK_FALSE(store.driver.requests[0].no_local);
    session::subscribe_outcome outcome;
    outcome.reason = reason_code::quota_exceeded;
    store.session.on_subscribed(store.driver.requests[0].number, outcome);
    CHECK(store.received() == "90 03 00 01 " + granted);
    CHECK(store.driver.reports == std::vector<reason_code>{reason_code::quota_exceeded});
}

TEST_CASE("3.1: keep alive expires without a packet", "[MQTT31-30]") {
    dialogue talk;
    talk.connect(3);
    CHECK(talk.driver.terms->keep_alive_s == 60);
    talk.session.on_keep_alive_expired();
    CHECK(talk.received().empty());
    CHECK(talk.closed_by(close_reason::keep_alive_expired));
    CHECK(talk.driver.closes[0].publish_will);
}
