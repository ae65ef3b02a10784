#include "common/notification2/frame.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace notification2;
using namespace std::string_literals;

TEST_CASE("producer frame: sequence, one line feed, Base64", "[notification2][ref-B.1.4]") {
    const auto frame = parse_producer_frame("1\nAAAAAAAAAAAAFkhlbGxvIFdvcmxk");
    REQUIRE(frame);
    CHECK(frame->sequence == 1);
    CHECK(frame->base64 == "AAAAAAAAAAAAFkhlbGxvIFdvcmxk");
    std::string out;
    append_producer_frame(out, 1, "\0\0\0\0\0\0\0\0\0\x16Hello World"s);
    CHECK(out == "1\nAAAAAAAAAAAAFkhlbGxvIFdvcmxk");
    out.clear();
    append_producer_ack(out, 18446744073709551615u);
    CHECK(out == "18446744073709551615");
    CHECK(parse_sequence("18446744073709551615").value() == 18446744073709551615u);
}

TEST_CASE("producer frame: what is not one is refused by name", "[notification2]") {
    CHECK(parse_producer_frame("").error() == errc::no_line_feed);
    CHECK(parse_producer_frame("12AAAA").error() == errc::no_line_feed);
    for (const auto& text :
         {"\nAAAA"s, "01\nAAAA"s, "+1\nAAAA"s, "-1\nAAAA"s, " 1\nAAAA"s, "1 \nAAAA"s, "1\r\nAAAA"s, "0x1\nAAAA"s,
          "18446744073709551616\nAAAA"s, "99999999999999999999999999\nAAAA"s, "1\0\nAAAA"s}) {
        INFO(text);
        CHECK(parse_producer_frame(text).error() == errc::bad_sequence);
    }
    CHECK(parse_producer_frame("1\nAAAA\n").error() == errc::bad_base64);
    CHECK(parse_producer_frame("1\n\nAAAA").error() == errc::bad_base64);
}

TEST_CASE("record: limit and alphabet are checked, the buffer is kept", "[notification2]") {
    std::string out = "x";
    REQUIRE(append_record(out, "Zm9v", 3));
    CHECK(out == "xfoo");
    CHECK(append_record(out, "Zm9v", 2).error() == errc::too_large);
    CHECK(append_record(out, std::string(4000, 'A'), 100).error() == errc::too_large);
    CHECK(append_record(out, "Zg==", 1));
    CHECK(append_record(out, "Zm9", 100).error() == errc::bad_base64);
    CHECK(append_record(out, "Zm9v\r", 100).error() == errc::bad_base64);
    CHECK(out == "xfoof");
}

TEST_CASE("consumer frame: header and payload, with and without acknowledgement", "[notification2][ref-B.1.4]") {
    auto frame = parse_consumer_frame("CJ1eEAAgADAB\nAghkZXYxAAAADgAAAgZhL2IABGhp");
    REQUIRE(frame);
    CHECK(frame->ack_header == "CJ1eEAAgADAB");
    CHECK(frame->base64 == "AghkZXYxAAAADgAAAgZhL2IABGhp");
    frame = parse_consumer_frame("AAAA");
    REQUIRE(frame);
    CHECK(frame->ack_header.empty());
    CHECK(frame->base64 == "AAAA");
    frame = parse_consumer_frame("\nAAAA");
    REQUIRE(frame);
    CHECK(frame->ack_header.empty());
    CHECK(frame->base64 == "AAAA");
    CHECK(parse_consumer_frame("a\nAAAA\n").error() == errc::bad_base64);
    CHECK(parse_consumer_frame("a\nb\nAAAA").error() == errc::bad_base64);
    std::string out;
    append_consumer_frame(out, "B.C", "foo");
    CHECK(out == "B.C\nZm9v");
}

TEST_CASE("notification: header up to the first blank line", "[notification2][ref-C.8]") {
    const std::string text = "CLxdEBQgADAB\n/t0815/operations/4711\nCREATE\n\n{\"id\":\"9900\"}\n\nmore";
    const auto parsed = parse_notification(text);
    REQUIRE(parsed);
    CHECK(parsed->ack_header == "CLxdEBQgADAB");
    CHECK(parsed->description == "/t0815/operations/4711");
    CHECK(parsed->action == "CREATE");
    CHECK(parsed->body == "{\"id\":\"9900\"}\n\nmore");
    std::string out;
    append_notification(out, *parsed);
    CHECK(out == text);
    const auto part = parse_description(parsed->description);
    CHECK(part.tenant == "t0815");
    CHECK(part.api == "operations");
    CHECK(part.source == "4711");
}

TEST_CASE("notification: later headers are passed over, mistakes can still be acknowledged",
          "[notification2][ref-C.8]") {
    const auto more = parse_notification("a\n/t/events/1\nUPDATE\nnew-header: 7\nanother\n\nbody");
    REQUIRE(more);
    CHECK(more->action == "UPDATE");
    CHECK(more->body == "body");
    const auto fewer = parse_notification("a\r\n\r\nbody");
    REQUIRE(fewer);
    CHECK(fewer->ack_header == "a");
    CHECK(fewer->description.empty());
    CHECK(fewer->body == "body");
    CHECK(parse_notification("a\nb\nc\nbody").error() == errc::no_blank_line);
    CHECK(ack_header_of("a\nb\nc\nbody") == "a");
    CHECK(parse_notification("").error() == errc::no_blank_line);
    CHECK(parse_notification("\n\nbody").error() == errc::empty_ack_header);
    CHECK(ack_header_of("no line").empty());
    CHECK(parse_description("").tenant.empty());
    CHECK(parse_description("/t0815").tenant == "t0815");
    CHECK(parse_description("t0815/alarms/1/2").source == "1/2");
}

TEST_CASE("consumer reply: acknowledgement or removal", "[notification2][ref-B.1.4]") {
    CHECK(parse_consumer_reply("unsubscribe_subscriber").unsubscribe);
    CHECK_FALSE(parse_consumer_reply("unsubscribe_subscriber ").unsubscribe);
    CHECK(parse_consumer_reply("B.C").ack_header == "B.C");
}

TEST_CASE("acknowledgement header: numbers there and back, one text each", "[notification2]") {
    const std::pair<ack_position, std::string> known[] = {
        {{0, 0}, "A.A"}, {{1, 63}, "B._"}, {{64, 62}, "BA.-"}, {{~0ull, ~0ull}, "P__________.P__________"}};
    for (const auto& [position, text] : known) {
        std::string out;
        append_ack_header(out, position);
        CHECK(out == text);
        REQUIRE(parse_ack_header(text));
        CHECK(parse_ack_header(text).value() == position);
    }
    for (const auto& text : {""s, "."s, "A"s, "A."s, ".A"s, "AA.A"s, "A.AB"s, "A.B.C"s, "A.B\n"s, "Q__________.A"s,
                             "BAAAAAAAAAAAA.A"s, "A+.B"s, "A.\0"s, "unsubscribe_subscriber"s, "CJ1eEAAgADAB"s}) {
        INFO(text);
        CHECK(parse_ack_header(text).error() == errc::bad_ack_header);
    }
}
