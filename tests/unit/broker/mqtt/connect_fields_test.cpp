// CONNECT: connect flags against what is in the payload. In 3.1 unused bits are ignored and the remaining length wins
// over the flags.
#include "broker/mqtt/decoder.hpp"
#include "tests/support/packet_bytes.hpp"

#include <catch2/catch.hpp>

using namespace broker::mqtt;
using packet_bytes::connect_with;
using packet_bytes::hex;
using packet_bytes::text;

namespace {

constexpr auto good = reason_code::success;
constexpr auto malformed = reason_code::malformed_packet;

reason_code outcome(const std::string& bytes) {
    const decode_result result = decode(packet_bytes::span(bytes), protocol_version::unknown, 131'072);
    CHECK_FALSE(result.need_more);
    return result.error.code;
}

/// Topic and payload of a will, for 5.0 with its property length.
std::string will(unsigned level) { return (level == 5 ? hex("00") : "") + text("w/t") + text("gone"); }

const std::string id = text("c");

} // namespace

TEST_CASE("CONNECT: the reserved flag", "[MQTT311-3.1.2-3][MQTT5-3.1.2-3][MQTT31-11]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    CHECK(outcome(connect_with(level, 0x02, id)) == good);
    CHECK(outcome(connect_with(level, 0x03, id)) == (level == 3 ? good : malformed));
    CHECK(outcome(connect_with(level, 0x01, id)) == (level == 3 ? good : malformed));
}

TEST_CASE("CONNECT: without a will its QoS and RETAIN are 0",
          "[MQTT311-3.1.2-11][MQTT311-3.1.2-13][MQTT311-3.1.2-15][MQTT5-3.1.2-11][MQTT5-3.1.2-13][MQTT31-12]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    for (const unsigned bits : {0x08U, 0x10U, 0x18U, 0x20U, 0x38U}) {
        INFO("level " << level << " bits " << bits);
        CHECK(outcome(connect_with(level, 0x02 | bits, id)) == (level == 3 ? good : malformed));
    }
    CHECK(outcome(connect_with(level, 0x02, id + will(level))) == malformed); // a will that no flag announces
}

TEST_CASE("CONNECT: a will has topic and payload, and QoS 0 to 2",
          "[MQTT311-3.1.2-9][MQTT311-3.1.2-14][MQTT5-3.1.2-9][MQTT5-3.1.2-12]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    const std::string properties = level == 5 ? hex("00") : "";
    for (const unsigned qos : {0U, 1U, 2U}) {
        const std::string bytes = connect_with(level, 0x06 | qos << 3, id + will(level));
        const decode_result result = decode(packet_bytes::span(bytes), protocol_version::unknown, 131'072);
        REQUIRE_FALSE(result.failed());
        const auto& connect = std::get<connect_packet>(result.value);
        REQUIRE(connect.will);
        CHECK(connect.will->qos == qos);
        CHECK_FALSE(connect.will->retain);
        CHECK(connect.will->topic == "w/t");
        CHECK(connect.will->payload == "gone");
    }
    CHECK(outcome(connect_with(level, 0x26, id + will(level))) == good);
    CHECK(outcome(connect_with(level, 0x1E, id + will(level))) == malformed);
    CHECK(outcome(connect_with(level, 0x06, id)) == malformed);
    CHECK(outcome(connect_with(level, 0x06, id + properties)) == malformed);
    CHECK(outcome(connect_with(level, 0x06, id + properties + text("w/t"))) == malformed);
    CHECK(outcome(connect_with(level, 0x06, id + properties + text("w/t") + hex("0005 61"))) == malformed);
    CHECK(outcome(connect_with(level, 0x06, id + properties + text("w/t") + hex("0000"))) == good);
}

TEST_CASE("CONNECT: user name and password stand where the flags say so and nowhere else",
          "[MQTT311-3.1.2-18][MQTT311-3.1.2-19][MQTT311-3.1.2-20][MQTT311-3.1.2-21][MQTT311-3.1.2-22]"
          "[MQTT5-3.1.2-16][MQTT5-3.1.2-17][MQTT5-3.1.2-18][MQTT5-3.1.2-19]") {
    const unsigned level = GENERATE(4U, 5U);
    CHECK(outcome(connect_with(level, 0x82, id + text("u"))) == good);
    CHECK(outcome(connect_with(level, 0xC2, id + text("u") + text("p"))) == good);
    CHECK(outcome(connect_with(level, 0x02, id + text("u"))) == malformed);
    CHECK(outcome(connect_with(level, 0x82, id)) == malformed);
    CHECK(outcome(connect_with(level, 0x82, id + text("u") + text("p"))) == malformed);
    CHECK(outcome(connect_with(level, 0xC2, id + text("u"))) == malformed);
    CHECK(outcome(connect_with(level, 0xC2, id + text("u") + hex("0002 70"))) == malformed);
    CHECK(outcome(connect_with(level, 0x42, id + text("p"))) == (level == 5 ? good : malformed));
}

TEST_CASE("CONNECT 3.1: the payload may end before user name and password",
          "[MQTT31-7][MQTT31-8][MQTT31-9][MQTT31-10]") {
    const auto decoded = [](const std::string& bytes) {
        const decode_result result = decode(packet_bytes::span(bytes), protocol_version::unknown, 131'072);
        REQUIRE_FALSE(result.failed());
        return std::get<connect_packet>(result.value);
    };
    const std::string none = connect_with(3, 0xC2, id);
    CHECK_FALSE(decoded(none).username);
    CHECK_FALSE(decoded(none).password);
    const std::string user_only = connect_with(3, 0xC2, id + text("u"));
    CHECK(decoded(user_only).username == "u");
    CHECK_FALSE(decoded(user_only).password);
    const std::string longer(60, 'n'); // 12 characters are a recommendation only
    const std::string both = connect_with(3, 0xC2, id + text(longer) + text(longer));
    CHECK(decoded(both).username == longer);
    CHECK(decoded(both).password == longer);
    CHECK(outcome(connect_with(3, 0x82, id + hex("0005 61"))) == malformed);
    CHECK(outcome(connect_with(3, 0x42, id + text("p"))) == malformed);
}

TEST_CASE("CONNECT: the client identifier is there, and first",
          "[MQTT311-3.1.3-1][MQTT311-3.1.3-3][MQTT5-3.1.3-1][MQTT5-3.1.3-3]") {
    const unsigned level = GENERATE(3U, 4U, 5U);
    CHECK(outcome(connect_with(level, 0x02, "")) == malformed);
    CHECK(outcome(connect_with(level, 0x02, hex("00"))) == malformed);
    CHECK(outcome(connect_with(level, 0x02, hex("0002 63"))) == malformed);
    const std::string bytes = connect_with(level, 0xC6, id + will(level) + text("u") + text("p"));
    const decode_result result = decode(packet_bytes::span(bytes), protocol_version::unknown, 131'072);
    REQUIRE_FALSE(result.failed());
    const auto& connect = std::get<connect_packet>(result.value);
    CHECK(connect.client_id == "c");
    CHECK(connect.will->topic == "w/t");
    CHECK(connect.will->payload == "gone");
    CHECK(connect.username == "u");
    CHECK(connect.password == "p");
}
