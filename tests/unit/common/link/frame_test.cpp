#include "common/link/frame.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <random>

using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

/// The frame's bytes as FORMAT.md says, and what decoding accepts: exactly the whole body.
void check_frame(const std::string& encoded, const std::string& expected,
                 const std::function<bool(core::byte_span)>& decodes) {
    CHECK(encoded == expected);
    auto batch = core::as_bytes(encoded);
    msg_link::raw_frame frame;
    REQUIRE(msg_link::next_frame(batch, frame));
    CHECK(batch.empty());
    CHECK(decodes(frame.body));
    for (std::size_t cut = 0; cut < frame.body.size(); ++cut) {
        INFO("cut to " << cut);
        // Frames that end in "the rest" may be shorter, but never read past their end.
        (void)decodes(frame.body.first(cut));
    }
}

} // namespace

TEST_CASE("link frame: hello, resume and hello_end are the documented bytes", "[link]") {
    std::string out;
    encode(out, msg_link::hello{1, 0x0102030405060708, 9, 10});
    msg_link::hello hello;
    check_frame(out,
                "\x00\x00\x00\x1B\x01\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08"
                "\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x0A"s,
                [&](core::byte_span body) { return decode(body, hello); });
    msg_link::hello whole;
    CHECK(decode(core::as_bytes(std::string_view(out).substr(5)), whole));
    CHECK(whole.session == 0x0102030405060708);
    CHECK(whole.first_sequence == 10);

    out.clear();
    const std::uint64_t outstanding[] = {3, 5};
    msg_link::encode_resume_stream(out, 7, 5, outstanding, 8, 9);
    check_frame(out,
                "\x00\x00\x00\x2F\x02\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x05"
                "\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x09\x00\x02"
                "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x05"s,
                [](core::byte_span body) {
                    msg_link::resume_stream one;
                    return decode(body, one) && one.taken_bytes == 9 && one.outstanding.size() == 2 &&
                           one.outstanding[1] == 5;
                });
    out.clear();
    msg_link::encode_resume_claim(out, 4);
    check_frame(out, "\x00\x00\x00\x09\x03\x00\x00\x00\x00\x00\x00\x00\x04"s, [](core::byte_span body) {
        std::uint64_t number = 0;
        return msg_link::decode_claim_number(body, number) && number == 4;
    });
    out.clear();
    msg_link::encode_hello_end(out);
    CHECK(out == "\x00\x00\x00\x01\x04"s);
}

TEST_CASE("link frame: sequenced frames are the documented bytes", "[link]") {
    std::string out;
    msg_link::encode_publish_head(out, 2, 3, 2);
    out += "rr";
    check_frame(out, "\x00\x00\x00\x0F\x07\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03rr"s,
                [](core::byte_span body) {
                    msg_link::publish one;
                    return decode(body, one) && one.topic == 2 && one.claim == 3 && core::as_text(one.record) == "rr";
                });
    out.clear();
    msg_link::claim claim;
    claim.has_will = true;
    claim.fail_after_refusal = true;
    claim.tenant = "t";
    claim.client_id = "c";
    claim.will_name_space = "mqtt";
    claim.will_name = "w";
    claim.will_record = core::as_bytes("R");
    encode(out, claim);
    check_frame(out,
                "\x00\x00\x00\x16\x08\x03\x00\x01t\x00\x01"
                "c\x00\x04mqtt\x00\x01w\x00\x00\x00\x01R"s,
                [](core::byte_span body) {
                    msg_link::claim one;
                    return decode(body, one) && one.will_name == "w" && one.client_id == "c";
                });
    out.clear();
    encode(out, msg_link::release{5, true});
    check_frame(out, "\x00\x00\x00\x0A\x09\x00\x00\x00\x00\x00\x00\x00\x05\x01"s, [](core::byte_span body) {
        msg_link::release one;
        return decode(body, one) && one.publish_will;
    });
}

TEST_CASE("link frame: requests of streams are the documented bytes", "[link]") {
    std::string out;
    msg_link::subscribe subscribe;
    subscribe.stream = 1;
    subscribe.claim = 2;
    subscribe.type = msg_link::subscription_type::failover;
    subscribe.durability = msg_link::durability::durable;
    subscribe.start = msg_link::start_at::earliest;
    subscribe.tenant = "t";
    subscribe.name_space = "n";
    subscribe.name = "s";
    encode(out, subscribe);
    check_frame(
        out,
        "\x00\x00\x00\x19\x0A\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x02\x02\x01\x00\x01t\x00\x01n\x00\x01s"s,
        [](core::byte_span body) {
            msg_link::subscribe one;
            return decode(body, one) && one.name == "s" && one.type == msg_link::subscription_type::failover;
        });
    out.clear();
    subscribe.type = msg_link::subscription_type::key_shared;
    subscribe.consumer = "c";
    encode(out, subscribe);
    check_frame(out,
                "\x00\x00\x00\x1C\x0A\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x03\x02\x01\x00\x01t\x00\x01n\x00"
                "\x01s\x00\x01"
                "c"s,
                [](core::byte_span body) {
                    msg_link::subscribe one;
                    return decode(body, one) && one.name == "s" && one.consumer == "c" &&
                           one.type == msg_link::subscription_type::key_shared;
                });
    out.clear();
    encode(out, msg_link::seek{1, msg_link::seek_to::time, 7});
    check_frame(
        out, "\x00\x00\x00\x0E\x14\x00\x00\x00\x01\x02\x00\x00\x00\x00\x00\x00\x00\x07"s, [](core::byte_span body) {
            msg_link::seek one;
            return decode(body, one) && one.stream == 1 && one.to == msg_link::seek_to::time && one.time_ms == 7;
        });
    out.clear();
    msg_link::encode_topic_forgotten(out, 9);
    check_frame(out, "\x00\x00\x00\x05\x8B\x00\x00\x00\x09"s, [](core::byte_span body) {
        std::uint32_t number = 0;
        return msg_link::decode_number(body, number) && number == 9;
    });
    out.clear();
    msg_link::encode_filter_add(out, {1, 2, 1, "a/#"});
    check_frame(out,
                "\x00\x00\x00\x0F\x0B\x00\x00\x00\x01\x00\x00\x00\x02\x01\x00\x03"
                "a/#"s,
                [](core::byte_span body) {
                    msg_link::filter one;
                    return msg_link::decode_filter_add(body, one) && one.filter == "a/#";
                });
    out.clear();
    encode(out, msg_link::credit{1, 2, 3});
    CHECK(out ==
          "\x00\x00\x00\x15\x0D\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03"s);
    out.clear();
    encode(out, msg_link::window{2, 3});
    CHECK(out == "\x00\x00\x00\x11\x0E\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03"s);
    out.clear();
    const std::uint64_t ranges[] = {4, 6};
    msg_link::encode_acknowledge(out, 1, ranges);
    CHECK(
        out ==
        "\x00\x00\x00\x17\x0F\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x06"s);
}

TEST_CASE("link frame: deliver carries its streams once and the record behind them", "[link]") {
    std::string out;
    const std::uint32_t streams[] = {1, 2 | msg_link::must_acknowledge};
    msg_link::encode_deliver(out, streams, 9, 8, 1, core::as_bytes("rec"));
    check_frame(out,
                "\x00\x00\x00\x1B\x86\x00\x02\x00\x00\x00\x01\x80\x00\x00\x02\x00\x00\x00\x09"
                "\x00\x00\x00\x00\x00\x00\x00\x08\x01rec"s,
                [](core::byte_span body) {
                    msg_link::deliver one;
                    return decode(body, one) && one.streams.size() == 2 && one.position == 8 &&
                           core::as_text(one.record) == "rec";
                });
}

TEST_CASE("link frame: settled tells runs", "[link]") {
    std::string out;
    encode(out, msg_link::settled{20, {{3, 2, msg_link::reason::no_subscribers}}});
    CHECK(out == "\x00\x00\x00\x18\x83\x00\x00\x00\x00\x00\x00\x00\x14\x00\x01"
                 "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x02\x01"s);
    msg_link::settled one;
    CHECK(decode(core::as_bytes(std::string_view(out).substr(5)), one));
    CHECK(one.runs.size() == 1);
}

TEST_CASE("link frame: counts that promise more than the frame holds are refused", "[link]") {
    msg_link::resume_stream resume;
    CHECK_FALSE(decode(core::as_bytes("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
                                      "\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF"sv),
                       resume));
    msg_link::settled settled;
    CHECK_FALSE(decode(core::as_bytes("\x00\x00\x00\x00\x00\x00\x00\x01\xFF\xFF"sv), settled));
    msg_link::state state;
    CHECK_FALSE(decode(core::as_bytes("\x00\x00\x00\x01\x00\xFF\xFF\xFF\xFF"sv), state));
    msg_link::deliver deliver;
    CHECK_FALSE(decode(core::as_bytes("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01"sv), deliver));
}

TEST_CASE("link frame: a batch that is cut yields its whole frames and then stops", "[link]") {
    std::string out;
    msg_link::encode_hello_end(out);
    encode(out, msg_link::window{1, 1});
    for (std::size_t length = 0; length < out.size(); ++length) {
        auto batch = core::as_bytes(std::string_view(out).substr(0, length));
        msg_link::raw_frame frame;
        std::size_t frames = 0;
        while (msg_link::next_frame(batch, frame)) ++frames;
        CHECK(frames == (length >= 5 ? 1 : 0));
        CHECK(batch.empty() == (length == 0 || length == 5));
    }
    auto zero = core::as_bytes("\x00\x00\x00\x00\x01"sv);
    msg_link::raw_frame frame;
    CHECK_FALSE(msg_link::next_frame(zero, frame));
}

TEST_CASE("link frame: random bytes never break a decoder", "[link][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random() % 64, '\0');
        for (auto& one : bytes) one = static_cast<char>(random());
        const auto body = core::as_bytes(bytes);
        msg_link::hello a;
        msg_link::resume_stream b;
        msg_link::topic c;
        msg_link::claim d;
        msg_link::subscribe e;
        msg_link::filter f;
        msg_link::acknowledge g;
        msg_link::state_request h;
        msg_link::welcome i;
        msg_link::settled j;
        msg_link::stream_answer k;
        msg_link::deliver l;
        msg_link::claimed m;
        msg_link::state n;
        (void)decode(body, a);
        (void)decode(body, b);
        (void)decode(body, c);
        (void)decode(body, d);
        (void)decode(body, e);
        (void)msg_link::decode_filter_add(body, f);
        if (msg_link::decode_acknowledge(body, g) && g.from_to.size() > 0) (void)g.from_to[g.from_to.size() - 1];
        (void)msg_link::decode_state_put(body, h);
        (void)decode(body, i);
        (void)decode(body, j);
        (void)msg_link::decode_filter_done(body, k);
        if (decode(body, l)) (void)l.streams[l.streams.size() - 1];
        (void)decode(body, m);
        (void)decode(body, n);
    }
    SUCCEED();
}

TEST_CASE("link reason: every value has words and a metric name of its own", "[link]") {
    std::vector<std::string_view> names;
    for (int value = 0; value <= 20; ++value) {
        const auto why = static_cast<msg_link::reason>(value);
        CHECK(msg_link::name(why) != "unknown");
        CHECK_FALSE(msg_link::text(why).empty());
        for (const auto known : names) CHECK(known != msg_link::name(why));
        names.push_back(msg_link::name(why));
    }
    CHECK(msg_link::name(static_cast<msg_link::reason>(21)) == "unknown");
}
