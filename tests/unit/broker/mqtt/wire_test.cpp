// Identifiers, variable byte integers, flags and reason codes: what all packets share.
#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/encoder.hpp"
#include "tests/support/packet_bytes.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace broker::mqtt;
using packet_bytes::hex;

namespace {

reason_code outcome(std::string_view bytes, protocol_version version) {
    const decode_result result = decode(packet_bytes::span(bytes), version, 131'072);
    CHECK_FALSE(result.need_more);
    return result.error.code;
}

constexpr auto v5 = protocol_version::v5;
constexpr auto fresh = protocol_version::unknown;

} // namespace

TEST_CASE("a QoS 0 PUBLISH has no packet identifier, in either direction", "[MQTT311-2.3.1-5][MQTT5-2.2.1-2]") {
    const auto version = GENERATE(protocol_version::v3_1, protocol_version::v3_1_1, v5);
    const std::string properties = version == v5 ? hex("00") : "";
    const std::string bytes = packet_bytes::packet(0x30, hex("0001 61") + properties + hex("1234"));
    const decode_result result = decode(packet_bytes::span(bytes), version, 131'072);
    const auto& in = std::get<publish_packet>(result.value);
    CHECK(in.payload == hex("1234"));
    CHECK(in.packet_identifier == 0);
    outgoing_publish out;
    const std::string payload = hex("1234");
    out.topic = "a";
    out.payload = payload;
    std::string written;
    encode_publish(written, out, version);
    CHECK(packet_bytes::dump(written) == packet_bytes::dump(bytes));
}

TEST_CASE("packet identifiers are 1 to 65535", "[MQTT311-2.3.1-1][MQTT5-2.2.1-3][MQTT31-24]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const auto version = static_cast<protocol_version>(level);
    for (const unsigned number : {0U, 1U, 255U, 256U, 65535U}) {
        const auto identifier = static_cast<std::uint16_t>(number);
        const auto expected = identifier == 0 ? reason_code::protocol_error : reason_code::success;
        INFO("level " << level << " identifier " << number);
        CHECK(outcome(packet_bytes::publish(level, 2, "a", identifier, "x"), version) == expected);
        CHECK(outcome(packet_bytes::publish(level, 4, "a", identifier, "x"), version) == expected);
        CHECK(outcome(packet_bytes::subscribe(level, identifier, "a", 0), version) == expected);
        CHECK(outcome(packet_bytes::unsubscribe(level, identifier, "a"), version) == expected);
        const std::string raw{static_cast<char>(identifier >> 8), static_cast<char>(identifier)};
        CHECK(outcome(packet_bytes::packet(0x40, raw), version) == expected);
        CHECK(outcome(packet_bytes::packet(0x62, raw), version) == expected);
    }
}

TEST_CASE("variable byte integers: the shortest form, at most four bytes", "[MQTT5-1.5.5-1]") {
    CHECK(outcome(hex("30 84 00 0001 61 00"), v5) == reason_code::malformed_packet);               // remaining length
    CHECK(outcome(hex("30 ffffffff 01"), v5) == reason_code::malformed_packet);                    // five bytes
    CHECK(outcome(hex("30 06 0001 61 80 00 78"), v5) == reason_code::malformed_packet);            // property length
    CHECK(outcome(hex("82 0a 0001 03 0b 81 00 0001 61 00"), v5) == reason_code::malformed_packet); // a property
    CHECK(outcome(hex("82 09 0001 02 0b 01 0001 61 00"), v5) == reason_code::success);
    // The first packet's own length, which stands before the version is known.
    CHECK(outcome(hex("10 8e 00 0004 4d515454 05 02 003c 00 0001 63"), fresh) == reason_code::malformed_packet);
    CHECK(outcome(hex("10 0e 0004 4d515454 05 02 003c 00 0001 63"), fresh) == reason_code::success);
    // 3.x has no such rule.
    CHECK(outcome(hex("10 8d 00 0004 4d515454 04 02 003c 0001 63"), fresh) == reason_code::success);
    CHECK(outcome(hex("30 84 00 0001 61 78"), protocol_version::v3_1_1) == reason_code::success);
    CHECK(outcome(hex("30 ffffffff 01"), protocol_version::v3_1_1) == reason_code::malformed_packet);
}

TEST_CASE("5.0: packets without properties say so with a length of 0", "[MQTT5-2.2.2-1]") {
    CHECK(outcome(hex("82 06 0001 0001 61 00"), v5) == reason_code::malformed_packet);
    CHECK(outcome(hex("a2 05 0001 0001 61"), v5) == reason_code::malformed_packet);
    CHECK(outcome(hex("10 0d 0004 4d515454 05 02 003c 0001 63"), fresh) == reason_code::malformed_packet);
    CHECK(outcome(hex("30 03 0001 61"), v5) == reason_code::malformed_packet);
    CHECK(outcome(hex("40 02 0001"), v5) == reason_code::success); // the short forms
    CHECK(outcome(hex("40 03 0001 10"), v5) == reason_code::success);
    CHECK(outcome(hex("e0 00"), v5) == reason_code::success);
    CHECK(outcome(hex("f0 00"), v5) == reason_code::success);
}

TEST_CASE("5.0: each packet takes the reason codes of its table and no other",
          "[MQTT5-3.4.2-1][MQTT5-3.5.2-1][MQTT5-3.6.2-1][MQTT5-3.7.2-1][MQTT5-3.14.2-1][MQTT5-3.15.2-1]") {
    const std::set<int> publish_answer{0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99};
    const std::set<int> release{0x00, 0x92};
    const std::set<int> disconnect{0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D,
                                   0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
                                   0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2};
    const std::set<int> auth{0x00, 0x18, 0x19};
    struct table {
        unsigned first_byte;
        std::string before;
        std::string after;
        std::set<int> codes;
    };
    const table tables[] = {{0x40, hex("0001"), "", publish_answer},
                            {0x50, hex("0001"), "", publish_answer},
                            {0x62, hex("0001"), "", release},
                            {0x70, hex("0001"), "", release},
                            {0xE0, "", "", disconnect},
                            {0xF0, "", hex("00"), auth}};
    for (const table& each : tables)
        for (int code = 0; code < 256; ++code) {
            const std::string bytes =
                packet_bytes::packet(each.first_byte, each.before + static_cast<char>(code) + each.after);
            INFO(packet_bytes::dump(bytes));
            CHECK(outcome(bytes, v5) ==
                  (each.codes.contains(code) ? reason_code::success : reason_code::malformed_packet));
        }
}

TEST_CASE("the longest topic is 65535 bytes", "[MQTT311-4.7.3-3][MQTT5-4.7.3-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::string longest(65'535, 't');
    const std::string bytes = packet_bytes::publish(level, 0, longest, 0, "x");
    const decode_result result = decode(packet_bytes::span(bytes), static_cast<protocol_version>(level), 131'072);
    CHECK(std::get<publish_packet>(result.value).topic == longest);
    outgoing_publish out;
    out.topic = longest;
    CHECK(encoded_size(out, static_cast<protocol_version>(level)) != 0);
    const std::string longer(65'536, 't');
    out.topic = longer;
    CHECK(encoded_size(out, static_cast<protocol_version>(level)) == 0);
}
