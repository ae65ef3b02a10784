#include "broker/mqtt/decoder.hpp"

#include "tests/support/packet_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace broker::mqtt;
using packet_bytes::block;
using packet_bytes::hex;
using packet_bytes::span;

namespace {

constexpr std::uint32_t limit = 131'072;

decode_result decode_bytes(std::string_view bytes, protocol_version version) {
    return decode(span(bytes), version, limit);
}

reason_code refusal(std::string_view bytes, protocol_version version) {
    const decode_result result = decode_bytes(bytes, version);
    CHECK(result.consumed == 0);
    CHECK_FALSE(result.need_more);
    CHECK((result.failed() == !result.error.text.empty()));
    return result.error.code;
}

constexpr auto v31 = protocol_version::v3_1;
constexpr auto v311 = protocol_version::v3_1_1;
constexpr auto v5 = protocol_version::v5;
constexpr auto fresh = protocol_version::unknown;

} // namespace

TEST_CASE("every sample decodes to its type, with bytes behind it left alone") {
    for (const auto& sample : packet_samples::all()) {
        INFO(sample.name << " level " << static_cast<int>(sample.version) << ": " << packet_bytes::dump(sample.bytes));
        const std::string followed = sample.bytes + hex("c0");
        const decode_result result = decode_bytes(followed, sample.version);
        CHECK(result.error.text == "");
        CHECK(result.consumed == sample.bytes.size());
        CHECK(type_of(result.value) == sample.type);
    }
}

TEST_CASE("CONNECT 3.1.1 with everything", "[MQTT311-3.1.3-1]") {
    const std::string bytes = hex("10 1f 0004 4d515454 04 ee 000a 0001 63 0003 772f74 0002 0001 0003 742f75 0002 ff00");
    const decode_result result = decode_bytes(bytes, fresh);
    const auto& connect = std::get<connect_packet>(result.value);
    CHECK(connect.version == v311);
    CHECK(connect.clean_start);
    CHECK(connect.keep_alive_s == 10);
    CHECK(connect.client_id == "c");
    REQUIRE(connect.will);
    CHECK(connect.will->topic == "w/t");
    CHECK(connect.will->payload == hex("0001"));
    CHECK(connect.will->qos == 1);
    CHECK(connect.will->retain);
    CHECK(connect.username == "t/u");
    CHECK(connect.password == hex("ff00"));
}

TEST_CASE("CONNECT 5.0 properties and will properties", "[MQTT5-3.1.3-10]") {
    const auto& samples = packet_samples::all();
    const auto found = std::find_if(samples.begin(), samples.end(),
                                    [](const auto& each) { return std::string_view(each.name) == "CONNECT all"; });
    REQUIRE(found != samples.end());
    const decode_result result = decode_bytes(found->bytes, fresh);
    const auto& connect = std::get<connect_packet>(result.value);
    CHECK(connect.session_expiry_s == 3600);
    CHECK(connect.receive_maximum == 20);
    CHECK(connect.packet_bytes_max == 65'536);
    CHECK(connect.topic_alias_maximum == 10);
    CHECK(connect.request_response_information);
    CHECK_FALSE(connect.request_problem_information);
    CHECK(connect.authentication_method == "m");
    CHECK(connect.authentication_data == "d");
    REQUIRE(connect.will);
    CHECK(connect.will->delay_s == 5);
    CHECK(connect.will->payload_is_utf8);
    std::string scratch;
    CHECK(pass_through_properties(*connect.will, scratch) ==
          hex("01 01 03 0001 74 08 0001 72 09 0002 00ff 26 0001 6b 0001 76 26 0001 6b 0001 76"));
}

TEST_CASE("the first packet is CONNECT, judged by its first byte", "[MQTT311-3.1.0-1][MQTT5-3.1.0-1]") {
    for (unsigned type = 0; type < 16; ++type) {
        const auto first = static_cast<char>(type << 4 | (type == 6 || type == 8 || type == 10 ? 2 : 0));
        const decode_result result = decode_bytes(std::string(1, first), fresh);
        INFO(type);
        CHECK(result.failed() == (type != 1));
        CHECK(result.need_more == (type == 1));
    }
    CHECK(refusal("GET / HTTP/1.1\r\n", fresh) == reason_code::protocol_error);
}

TEST_CASE("protocol name and level belong together",
          "[MQTT311-3.1.2-1][MQTT311-3.1.2-2][MQTT5-3.1.2-2][MQTT5-3.1.2-1][MQTT31-2]") {
    const std::string rest = hex("02 003c 0001 63");
    CHECK(refusal(packet_bytes::packet(0x10, hex("0004 4d515454 03") + rest), fresh) ==
          reason_code::unsupported_protocol_version);
    CHECK(refusal(packet_bytes::packet(0x10, hex("0004 4d515454 06") + rest), fresh) ==
          reason_code::unsupported_protocol_version);
    CHECK(refusal(packet_bytes::packet(0x10, hex("0006 4d5149736470 04") + rest), fresh) ==
          reason_code::unsupported_protocol_version);
    CHECK(refusal(packet_bytes::packet(0x10, hex("0004 4d515454 84") + rest), fresh) ==
          reason_code::unsupported_protocol_version);
    CHECK(refusal(packet_bytes::packet(0x10, hex("0004 4d515458 04") + rest), fresh) == reason_code::malformed_packet);
}

TEST_CASE("reserved header flags",
          "[MQTT311-2.2.2-2][MQTT5-2.1.3-1][MQTT311-3.8.1-1][MQTT311-3.14.1-1][MQTT311-3.6.1-1][MQTT311-3.10.1-1]"
          "[MQTT5-3.6.1-1][MQTT5-3.8.1-1][MQTT5-3.10.1-1][MQTT5-3.14.1-1][MQTT5-3.15.1-1][MQTT31-16][MQTT31-19]") {
    const auto version = GENERATE(v31, v311, v5);
    for (const auto& sample : packet_samples::all()) {
        if (sample.version != version || sample.type == packet_type::publish) continue;
        for (int flags = 0; flags < 16; ++flags) {
            std::string bytes = sample.bytes;
            const int right = bytes[0] & 15;
            bytes[0] = static_cast<char>((bytes[0] & 0xF0) | flags);
            const bool dup_of_3_1 = version == v31 && right == 2 && flags == 10;
            INFO(sample.name << " flags " << flags);
            CHECK(decode_bytes(bytes, version).failed() == (flags != right && !dup_of_3_1));
        }
    }
}

TEST_CASE("PUBLISH flags and identifiers",
          "[MQTT311-3.3.1-2][MQTT311-3.3.1-4][MQTT5-3.3.1-4][MQTT311-2.3.1-1][MQTT5-2.2.1-3][MQTT5-3.3.1-2]") {
    const auto version = GENERATE(v31, v311, v5);
    const auto level = static_cast<unsigned>(version);
    CHECK(refusal(packet_bytes::publish(level, 6, "a", 1, "x"), version) == reason_code::malformed_packet);
    CHECK(refusal(packet_bytes::publish(level, 2, "a", 0, "x"), version) == reason_code::protocol_error);
    CHECK(decode_bytes(packet_bytes::publish(level, 8, "a", 0, "x"), version).failed() == (version != v31));
    CHECK(refusal(packet_bytes::publish(level, 0, hex("c3"), 0, "x"), version) == reason_code::malformed_packet);
    const std::string bytes = packet_bytes::publish(level, 0x0b, "a/b", 0x1234, "");
    const decode_result result = decode_bytes(bytes, version);
    const auto& publish = std::get<publish_packet>(result.value);
    CHECK(publish.topic == "a/b");
    CHECK(publish.packet_identifier == 0x1234);
    CHECK(publish.qos == 1);
    CHECK(publish.dup);
    CHECK(publish.retain);
    CHECK(publish.payload.empty());
}

TEST_CASE("pass-through properties keep bytes and order", "[MQTT5-3.3.2-17][MQTT5-3.3.2-18]") {
    std::string scratch;
    const std::string only = hex("26 0001 62 0001 31 01 00 26 0001 61 0001 32 26 0001 62 0001 33");
    const std::string plain = packet_bytes::publish(5, 2, "a", 1, "p", only);
    const decode_result direct = decode_bytes(plain, v5);
    const auto& same = std::get<publish_packet>(direct.value);
    CHECK(pass_through_properties(same, scratch) == only);
    CHECK(scratch.empty()); // no copy: the block is a view into the input
    CHECK_FALSE(same.has_topic_alias);

    const std::string mixed = packet_bytes::publish(
        5, 2, "a", 1, "p", hex("23 0001 26 0001 62 0001 31 02 0000003c 09 0001 ff 0b 07 03 0001 74"));
    const decode_result result = decode_bytes(mixed, v5);
    const auto& publish = std::get<publish_packet>(result.value);
    CHECK(pass_through_properties(publish, scratch) == hex("26 0001 62 0001 31 09 0001 ff 03 0001 74"));
    CHECK(publish.has_topic_alias);
    CHECK(publish.topic_alias == 1);
    CHECK(publish.has_message_expiry);
    CHECK(publish.message_expiry_s == 60);
    CHECK(publish.has_subscription_identifier);
    CHECK(publish.payload == "p");
}

TEST_CASE("the property table: place, repetition, values", "[MQTT5-1.5.5-1][MQTT5-1.5.7-1][MQTT5-3.3.2-14]") {
    const auto publish = [](std::string_view properties) {
        return decode_bytes(packet_bytes::publish(5, 0, "a", 0, "", hex(properties)), v5).error.code;
    };
    const auto connect = [](std::string_view properties) {
        return decode_bytes(packet_bytes::connect(5, "c", hex(properties)), fresh).error.code;
    };
    CHECK(publish("01 02") == reason_code::protocol_error);
    CHECK(publish("01 00 01 00") == reason_code::protocol_error);
    CHECK(publish("0b 00") == reason_code::protocol_error);
    CHECK(publish("0b 8000") == reason_code::malformed_packet); // [MQTT5-1.5.5-1]
    CHECK(publish("0b ffffffff7f") == reason_code::malformed_packet);
    CHECK(publish("11 00000001") == reason_code::malformed_packet);
    CHECK(publish("00") == reason_code::malformed_packet);
    CHECK(publish("2b 00") == reason_code::malformed_packet);
    CHECK(publish("a6 00") == reason_code::malformed_packet);
    CHECK(publish("03 0002 61") == reason_code::malformed_packet);
    CHECK(publish("08 0003 612f2b") == reason_code::protocol_error);       // [MQTT5-3.3.2-14]
    CHECK(publish("26 0001 61 0001 00") == reason_code::malformed_packet); // [MQTT5-1.5.7-1]
    CHECK(publish("09 0001 00") == reason_code::success);
    CHECK(connect("21 0000") == reason_code::protocol_error);
    CHECK(connect("27 00000000") == reason_code::protocol_error);
    CHECK(connect("17 02") == reason_code::protocol_error);
    CHECK(connect("16 0001 61") == reason_code::protocol_error);
    CHECK(connect("18 00000001") == reason_code::malformed_packet);
    CHECK(connect("22 0000 19 00 17 01") == reason_code::success);
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE",
          "[MQTT311-3.8.3-3][MQTT311-3.8.3-4][MQTT5-3.8.3-2][MQTT5-3.8.3-5][MQTT311-3.10.3-2][MQTT5-3.10.3-2]"
          "[MQTT31-28]") {
    CHECK(refusal(hex("82 02 0001"), v311) == reason_code::protocol_error);
    CHECK(refusal(hex("82 03 0001 00"), v5) == reason_code::protocol_error);
    CHECK(refusal(hex("a2 02 0001"), v311) == reason_code::protocol_error);
    CHECK(refusal(hex("a2 03 0001 00"), v5) == reason_code::protocol_error);
    CHECK(refusal(packet_bytes::subscribe(4, 0, "a", 0), v311) == reason_code::protocol_error);
    CHECK(refusal(packet_bytes::subscribe(4, 1, "a", 3), v311) == reason_code::malformed_packet);
    CHECK(refusal(packet_bytes::subscribe(4, 1, "a", 4), v311) == reason_code::malformed_packet);
    CHECK_FALSE(decode_bytes(packet_bytes::subscribe(3, 1, "a", 0x81), v31).failed());
    CHECK(refusal(packet_bytes::subscribe(5, 1, "a", 3), v5) == reason_code::protocol_error);
    CHECK(refusal(packet_bytes::subscribe(5, 1, "a", 0x30), v5) == reason_code::protocol_error);
    CHECK(refusal(packet_bytes::subscribe(5, 1, "a", 0x40), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("82 05 0001 0001 61"), v311) == reason_code::malformed_packet);

    const std::string bytes = hex("82 0f 000a 00 0003 612f62 2d 0003 632f23 02");
    const decode_result result = decode_bytes(bytes, v5);
    const auto& subscribe = std::get<subscribe_packet>(result.value);
    CHECK(subscribe.filter_count == 2);
    subscription_reader entries(subscribe);
    const auto first = entries.next();
    REQUIRE(first);
    CHECK(first->filter == "a/b");
    CHECK(first->qos == 1);
    CHECK(first->no_local);
    CHECK(first->retain_as_published);
    CHECK(first->retain_handling == 2);
    const auto second = entries.next();
    REQUIRE(second);
    CHECK(second->filter == "c/#");
    CHECK(second->qos == 2);
    CHECK_FALSE(entries.next());
}

TEST_CASE("reason codes only where the tables have them", "[MQTT5-3.4.2-1][MQTT5-3.14.2-1][MQTT5-3.15.2-1]") {
    CHECK(refusal(hex("40 03 0001 11"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("62 03 0001 10"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("e0 01 01"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("e0 01 c5"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("f0 02 01 00"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("e0 01 00"), v311) == reason_code::malformed_packet);
    CHECK(refusal(hex("40 03 0001 00"), v311) == reason_code::malformed_packet);
    CHECK(refusal(hex("f0 00"), v311) == reason_code::malformed_packet);
    CHECK(refusal(hex("00 00"), v311) == reason_code::malformed_packet);
}

TEST_CASE("the size limit is judged from the header alone", "[MQTT5-3.2.2-15]") {
    // 131,072 bytes in all: 1 + 3 + remaining length 131,068 (fc ff 07).
    const decode_result fits = decode_bytes(hex("30 fcff07"), v5);
    CHECK(fits.need_more);
    CHECK(fits.packet_bytes == 131'072);
    CHECK(refusal(hex("30 fdff07"), v5) == reason_code::packet_too_large);
    CHECK(refusal(hex("10 ffffff7f"), fresh) == reason_code::packet_too_large);
    CHECK(refusal(hex("30 ffffffff"), v5) == reason_code::malformed_packet);
    CHECK(refusal(hex("30 8000"), v5) == reason_code::malformed_packet);
    const std::string whole = hex("30 fcff07 0001 61") + std::string(131'072 - 7, 'x');
    CHECK(decode_bytes(whole, v311).consumed == 131'072);
}
