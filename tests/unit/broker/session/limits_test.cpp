// Limits of client, tenant and store: how each is answered, by version (ref A.4, A.8, A.9).
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace broker;
using mqtt::packet_type;
using mqtt::reason_code;
using packet_bytes::publish;
using packet_bytes::subscribe;
using session::cause;
using session::close_reason;
using session::publish_verdict;
using session_harness::dialogue;

namespace {

session::publish_outcome refused(cause why, reason_code reason = reason_code::quota_exceeded) {
    session::publish_outcome made;
    made.verdict = publish_verdict::refused;
    made.reason = reason;
    made.why = why;
    made.text = "no room";
    made.topic = "a/b";
    return made;
}

bool begins(const std::string& text, std::string_view with) { return text.starts_with(with); }

} // namespace

TEST_CASE("limits: 5.0 QoS 1 over a limit is answered 0x97 with a reason, and the client stays", "[limits]") {
    const cause limit = GENERATE(cause::publish_rate, cause::publish_rate_per_client, cause::throughput,
                                 cause::topic_creation_rate, cause::open_topics);
    dialogue talk;
    talk.connect(5);
    talk.driver.limit = limit;
    const auto text = describe(limit);
    REQUIRE_FALSE(text.empty());
    const auto answer = talk.send(publish(5, 2, "a/b", 7, "x"));
    std::string reason = packet_bytes::hex("1f") + packet_bytes::text(text);
    std::string body = packet_bytes::hex("00 07 97") + packet_bytes::block(reason);
    CHECK(answer == packet_bytes::dump(packet_bytes::packet(0x40, body)));
    CHECK(talk.driver.publishes.empty());
    CHECK(talk.driver.closes.empty());
    REQUIRE(talk.driver.refusals.size() == 1);
    const auto& told = talk.driver.refusals[0];
    CHECK(told.packet == packet_type::publish);
    CHECK(told.why == limit);
    CHECK(told.reason == reason_code::quota_exceeded);
    CHECK(told.topic == "a/b");
    CHECK(told.packet_identifier == 7);
    CHECK(told.text == text);
    talk.driver.limit = cause::none;
    CHECK(talk.send(publish(5, 2, "a/b", 8, "x")).empty());
    CHECK(talk.driver.publishes.size() == 1);
}

TEST_CASE("limits: a PUBACK that had to wait for an earlier one still says why", "[limits][MQTT5-4.6.0-2]") {
    dialogue talk;
    talk.connect(5);
    CHECK(talk.send(publish(5, 2, "a", 1, "x")).empty());
    talk.driver.limit = cause::publish_rate;
    CHECK(talk.send(publish(5, 2, "a", 2, "x")).empty());
    CHECK(talk.send(publish(5, 2, "$a", 3, "x")).empty());
    talk.settle(1);
    const auto puback = [](const char* head, std::string_view text) {
        return packet_bytes::packet(0x40, packet_bytes::hex(head) +
                                              packet_bytes::block(packet_bytes::hex("1f") + packet_bytes::text(text)));
    };
    CHECK(talk.received() ==
          packet_bytes::dump(packet_bytes::hex("40 02 00 01") + puback("00 02 97", describe(cause::publish_rate)) +
                             puback("00 03 90", describe(reason_code::topic_name_invalid))));
}

TEST_CASE("limits: without problem information the PUBACK has the code alone", "[limits][MQTT5-3.1.2-29]") {
    dialogue talk;
    talk.connect(5, packet_bytes::hex("17 00"));
    talk.driver.limit = cause::publish_rate;
    CHECK(talk.send(publish(5, 2, "a", 7, "x")) == "40 03 00 07 97");
}

TEST_CASE("limits: 3.x QoS 1 over a limit ends the connection, nothing is sent", "[limits]") {
    const unsigned level = GENERATE(3U, 4U);
    const cause limit =
        GENERATE(cause::publish_rate, cause::publish_rate_per_client, cause::throughput, cause::topic_creation_rate);
    dialogue talk;
    talk.connect(level);
    talk.driver.limit = limit;
    CHECK(talk.send(publish(level, 2, "a", 7, "x")).empty());
    CHECK(talk.closed_by(close_reason::refused));
    CHECK(talk.driver.closes[0].publish_will);
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].why == limit);
}

TEST_CASE("limits: QoS 0 over a rate is dropped and told in every version", "[limits]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const cause limit = GENERATE(cause::publish_rate, cause::publish_rate_per_client, cause::throughput);
    dialogue talk;
    talk.connect(level);
    talk.driver.limit = limit;
    CHECK(talk.send(publish(level, 0, "a", 0, "x")).empty());
    CHECK(talk.driver.publishes.empty());
    CHECK(talk.driver.closes.empty());
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].why == limit);
    CHECK(talk.driver.refusals[0].packet_identifier == 0);
}

TEST_CASE("limits: a new topic too many ends a 3.x connection with QoS 0, too; 5.0 loses the message", "[limits]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    dialogue talk;
    talk.connect(level);
    const bool in_the_store = GENERATE(false, true);
    if (in_the_store) {
        CHECK(talk.send(publish(level, 0, "a/b", 0, "x")).empty());
        talk.session.on_settled(0, refused(cause::topics));
    } else {
        talk.driver.limit = cause::topic_creation_rate;
        CHECK(talk.send(publish(level, 0, "a/b", 0, "x")).empty());
    }
    CHECK(talk.received().empty());
    CHECK(talk.closed_by(close_reason::refused) == (level != 5));
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].topic == "a/b");
}

TEST_CASE("limits: a full backlog loses QoS 0, ends 3.x with QoS 1, is 0x97 for 5.0", "[limits]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const cause why = GENERATE(cause::topic_backlog, cause::tenant_backlog, cause::topics, cause::disk_full);
    dialogue talk;
    talk.connect(level);
    SECTION("QoS 0") {
        (void)talk.send(publish(level, 0, "a/b", 0, "x"));
        talk.session.on_settled(0, refused(why));
        CHECK(talk.received().empty());
        CHECK(talk.session.closed() == (level != 5 && why == cause::topics));
    }
    SECTION("QoS 1") {
        (void)talk.send(publish(level, 2, "a/b", 7, "x"));
        talk.session.on_settled(7, refused(why));
        if (level == 5) {
            CHECK(begins(talk.received(), "40 0e 00 07 97 0a 1f 00 07 6e 6f")); // "no room"
            CHECK_FALSE(talk.session.closed());
        } else {
            CHECK(talk.received().empty());
            CHECK(talk.closed_by(close_reason::refused));
        }
    }
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].why == why);
    CHECK(talk.driver.refusals[0].text == "no room");
}

TEST_CASE("limits: connections and their rate: 0x97 in a 5.0 CONNACK, silence for 3.x", "[limits]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const cause limit = GENERATE(cause::connections, cause::connect_rate);
    dialogue talk;
    talk.driver.automatic = false;
    CHECK(talk.send(packet_bytes::connect(level, "c1")).empty());
    session::login_outcome outcome;
    outcome.reason = reason_code::quota_exceeded;
    outcome.text = "full";
    outcome.why = limit;
    talk.session.on_authenticated(outcome);
    CHECK(talk.received() == (level == 5 ? "20 0a 00 97 07 1f 00 04 66 75 6c 6c" : ""));
    CHECK(talk.closed_by(close_reason::login_refused));
    CHECK_FALSE(talk.driver.claimed);
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].why == limit);
    CHECK(talk.driver.refusals[0].packet == packet_type::connect);
}

TEST_CASE("limits: any other refusal of CONNECT is still answered to 3.x", "[limits]") {
    dialogue talk;
    talk.driver.automatic = false;
    (void)talk.send(packet_bytes::connect(4, "c1"));
    session::login_outcome outcome;
    outcome.reason = reason_code::server_busy;
    talk.session.on_authenticated(outcome);
    CHECK(talk.received() == "20 02 00 03");
    CHECK(talk.driver.refusals.at(0).why == cause::busy);
}

TEST_CASE("limits: a subscription to a topic too many: 0x97 with a reason, 0x80 in 3.1.1", "[limits]") {
    const unsigned level = GENERATE(4U, 5U);
    dialogue talk;
    talk.connect(level);
    (void)talk.send(subscribe(level, 12, "a/b", 1));
    REQUIRE(talk.driver.requests.size() == 1);
    session::subscribe_outcome outcome;
    outcome.reason = reason_code::quota_exceeded;
    outcome.why = cause::topics;
    outcome.text = "full";
    outcome.filter = "a/b";
    talk.session.on_subscribed(talk.driver.requests[0].number, outcome);
    CHECK(talk.received() == (level == 5 ? "90 0b 00 0c 07 1f 00 04 66 75 6c 6c 97" : "90 03 00 0c 80"));
    REQUIRE(talk.driver.refusals.size() == 1);
    const auto& told = talk.driver.refusals[0];
    CHECK(told.packet == packet_type::subscribe);
    CHECK(told.why == cause::topics);
    CHECK(told.topic == "a/b");
    CHECK(told.packet_identifier == 12);
    CHECK_FALSE(talk.session.closed());
}

TEST_CASE("limits: subscriptions of a client and lengths name their limit", "[limits]") {
    const unsigned level = GENERATE(4U, 5U);
    auto settings = session::session_settings::preview();
    settings.subscriptions_max = 1;
    settings.topic_bytes_max = 8;
    dialogue talk(settings);
    talk.connect(level);
    (void)talk.send(subscribe(level, 1, "a", 0));
    talk.driver.answer_requests();
    (void)talk.received();
    const auto answer = talk.send(subscribe(level, 2, "b", 0));
    CHECK(answer.ends_with(level == 5 ? "97" : "80"));
    CHECK(talk.driver.refusals.at(0).why == cause::subscriptions);
    (void)talk.send(subscribe(level, 3, "123456789", 0));
    CHECK(talk.driver.refusals.at(1).why == cause::topic_bytes);
    (void)talk.send(publish(level, 2, "123456789", 9, ""));
    CHECK(talk.driver.refusals.at(2).why == cause::topic_bytes);
    CHECK(talk.session.closed() == (level == 4));
}

TEST_CASE("limits: a packet that is too large is the limit of packet sizes, for the type it has", "[limits]") {
    auto settings = session::session_settings::preview();
    settings.packet_bytes_max = 64;
    dialogue talk(settings);
    talk.connect(5);
    (void)talk.send(publish(5, 0, "a", 0, std::string(100, 'x')));
    REQUIRE(talk.driver.refusals.size() == 1);
    CHECK(talk.driver.refusals[0].why == cause::packet_bytes);
    CHECK(talk.driver.refusals[0].packet == packet_type::publish);
    CHECK(talk.closed_by(close_reason::malformed));
}

TEST_CASE("limits: an unfinished packet and a client that takes nothing are ended with a reason", "[limits]") {
    const unsigned level = GENERATE(4U, 5U);
    dialogue talk;
    talk.connect(level);
    SECTION("packet") {
        talk.session.on_packet_timeout();
        CHECK(begins(talk.received(), level == 5 ? "e0 " : ""));
        CHECK(talk.closed_by(close_reason::packet_timeout));
        CHECK(talk.driver.refusals.at(0).why == cause::packet_time);
    }
    SECTION("write") {
        talk.session.on_write_timeout();
        CHECK(talk.closed_by(close_reason::too_slow));
        CHECK(talk.driver.refusals.at(0).why == cause::too_slow);
    }
    SECTION("keep alive") {
        talk.session.on_keep_alive_expired();
        CHECK(talk.driver.refusals.at(0).why == cause::keep_alive);
    }
    SECTION("a stream that fell too far behind") {
        talk.session.on_stream_lost(reason_code::quota_exceeded, "behind", cause::too_slow);
        CHECK(talk.driver.refusals.at(0).why == cause::too_slow);
    }
    SECTION("a stream lost by no fault of the client is no refusal") {
        talk.session.on_stream_lost(reason_code::implementation_specific_error, "lost");
        CHECK(talk.driver.refusals.empty());
    }
    CHECK(talk.driver.closes.at(0).publish_will);
    CHECK(talk.session.closed());
}

TEST_CASE("limits: nothing of it happens before CONNACK", "[limits]") {
    dialogue talk;
    talk.session.on_packet_timeout();
    talk.session.on_write_timeout();
    CHECK_FALSE(talk.session.closed());
    CHECK(talk.driver.refusals.empty());
}

TEST_CASE("causes: labels and errors are there and tell apart", "[limits]") {
    std::set<std::string_view> labels;
    std::set<std::string_view> errors;
    for (std::size_t i = 0; i < session::cause_count; ++i) {
        const auto why = static_cast<cause>(i);
        INFO(i);
        CHECK_FALSE(label_of(why).empty());
        CHECK(labels.insert(label_of(why)).second);
        CHECK(errors.insert(error_of(why)).second);
    }
    for (unsigned code = 0x80; code <= 0xA2; ++code)
        CHECK(session::cause_of(static_cast<reason_code>(code)) != cause::none);
}
