#include "broker/mqtt/encoder.hpp"

#include "broker/mqtt/decoder.hpp"
#include "tests/support/packet_samples.hpp"

#include <catch2/catch.hpp>

using namespace broker::mqtt;
using packet_bytes::hex;

namespace {

constexpr auto v31 = protocol_version::v3_1;
constexpr auto v311 = protocol_version::v3_1_1;
constexpr auto v5 = protocol_version::v5;

} // namespace

TEST_CASE("PUBLISH towards a client", "[MQTT311-2.3.1-5]") {
    outgoing_publish packet;
    packet.topic = "a/b";
    packet.payload = "hi";
    packet.properties = "\x01\x01";
    std::string out = "kept";
    encode_publish(out, packet, v311);
    CHECK(out == "kept" + hex("30 07 0003 612f62 6869")); // [MQTT311-2.3.1-5]
    packet.qos = 1;
    packet.dup = packet.retain = true;
    packet.packet_identifier = 0x1234;
    out.clear();
    encode_publish(out, packet, v311);
    CHECK(out == hex("3b 09 0003 612f62 1234 6869"));
    CHECK(encoded_size(packet, v311) == out.size());
    out.clear();
    encode_publish(out, packet, v5);
    CHECK(out == hex("3b 0c 0003 612f62 1234 02 0101 6869"));
    CHECK(encoded_size(packet, v5) == out.size());
}

TEST_CASE("PUBLISH sizes around every length of the length fields", "[MQTT5-1.5.5-1]") {
    const std::size_t bytes = GENERATE(0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16'370, 16'379, 16'380,
                                       16'384, 2'097'140, 2'097'150, 2'097'160);
    const std::string payload(bytes, 'p');
    outgoing_publish packet;
    packet.topic = "t";
    packet.payload = payload;
    packet.qos = 1;
    packet.packet_identifier = 7;
    for (const auto version : {v311, v5}) {
        std::string out;
        encode_publish(out, packet, version);
        CHECK(out.size() == encoded_size(packet, version));
        CHECK(out == packet_bytes::publish(static_cast<unsigned>(version), 2, "t", 7, payload));
    }
}

TEST_CASE("what no packet can hold has no size") {
    outgoing_publish packet;
    const std::string long_topic(65'536, 't');
    packet.topic = long_topic;
    CHECK(encoded_size(packet, v5) == 0);
    packet.topic = std::string_view(long_topic).substr(1);
    CHECK(encoded_size(packet, v5) != 0);
}

TEST_CASE("answers of the server, byte by byte", "[MQTT5-2.2.2-1][MQTT311-2.2.2-1][MQTT5-2.1.3-1]") {
    const auto made = [](auto&& write) {
        std::string out;
        write(out);
        return packet_bytes::dump(out);
    };
    using std::string;
    CHECK(made([](string& o) { encode_puback(o, 10, reason_code::success, {}, v5); }) == "40 02 00 0a");
    CHECK(made([](string& o) { encode_puback(o, 10, reason_code::quota_exceeded, {}, v5); }) == "40 03 00 0a 97");
    CHECK(made([](string& o) { encode_puback(o, 10, reason_code::quota_exceeded, "no", v5); }) ==
          "40 09 00 0a 97 05 1f 00 02 6e 6f");
    CHECK(made([](string& o) { encode_puback(o, 10, reason_code::quota_exceeded, "no", v311); }) == "40 02 00 0a");
    CHECK(made([](string& o) { encode_pubcomp(o, 10, reason_code::packet_identifier_not_found, v5); }) ==
          "70 03 00 0a 92");
    CHECK(made([](string& o) { encode_pingresp(o); }) == "d0 00");
    CHECK(made([](string& o) { encode_disconnect(o, reason_code::server_shutting_down, {}, v5); }) == "e0 01 8b");
    CHECK(made([](string& o) { encode_disconnect(o, reason_code::server_shutting_down, "x", v5); }) ==
          "e0 06 8b 04 1f 00 01 78");
    CHECK(made([](string& o) { encode_disconnect(o, reason_code::normal_disconnection, {}, v5); }) == "e0 00");
    CHECK(made([](string& o) { encode_disconnect(o, reason_code::server_shutting_down, "x", v311); }).empty());

    suback_packet suback;
    suback.packet_identifier = 3;
    suback.codes = "\x01\x80";
    CHECK(made([&](string& o) { encode_suback(o, suback, v311); }) == "90 04 00 03 01 80");
    CHECK(made([&](string& o) { encode_suback(o, suback, v5); }) == "90 05 00 03 00 01 80");
    unsuback_packet unsuback;
    unsuback.packet_identifier = 3;
    unsuback.codes = "\x11";
    CHECK(made([&](string& o) { encode_unsuback(o, unsuback, v311); }) == "b0 02 00 03");
    CHECK(made([&](string& o) { encode_unsuback(o, unsuback, v5); }) == "b0 04 00 03 00 11");
}

TEST_CASE("CONNACK by version", "[MQTT5-3.2.2-1][MQTT31-14]") {
    connack_packet connack;
    connack.session_present = true;
    connack.maximum_qos = 1;
    std::string out;
    encode_connack(out, connack, v31);
    encode_connack(out, connack, v311);
    encode_connack(out, connack, v5);
    CHECK(packet_bytes::dump(out) == "20 02 00 00 20 02 01 00 20 05 01 00 02 24 01");
}

TEST_CASE("every reason maps to a return code of 3.x, wrong credentials to 5", "[MQTT311-3.2.2-6][MQTT31-15]") {
    for (int code = 0; code < 256; ++code) {
        const auto mapped = static_cast<int>(to_return_code(static_cast<reason_code>(code)));
        CHECK(mapped <= 5);
        CHECK((mapped == 0) == (code == 0));
    }
    CHECK(to_return_code(reason_code::bad_username_or_password) == return_code::not_authorized);
    CHECK(to_return_code(reason_code::client_identifier_not_valid) == return_code::identifier_rejected);
    CHECK(to_return_code(reason_code::server_unavailable) == return_code::server_unavailable);
    CHECK(make_error_code(reason_code::quota_exceeded).message() == "a quota is exceeded");
}

TEST_CASE("decoding and encoding again gives the same bytes") {
    for (const auto& sample : packet_samples::all()) {
        // What the structs do not keep: user properties outside messages, and order; they are lost by design.
        const std::string_view name = sample.name;
        if (name.ends_with("all") || name == "CONNECT taken" || name == "SUBSCRIBE taken") continue;
        if (sample.version == v31 && sample.type == packet_type::connack) continue;
        const decode_result first = decode(packet_bytes::span(sample.bytes), sample.version, 131'072);
        std::string out;
        encode(out, first.value, sample.version);
        INFO(sample.name << " level " << static_cast<int>(sample.version));
        CHECK(packet_bytes::dump(out) == packet_bytes::dump(sample.bytes));
    }
}
