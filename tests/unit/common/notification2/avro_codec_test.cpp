#include "common/notification2/avro_codec.hpp"

#include "common/core/base64.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace notification2;
using namespace std::string_literals;

namespace {

std::string from_hex(std::string_view text) {
    std::string out;
    std::string pair;
    for (const char c : text) {
        if (c == ' ') continue;
        pair.push_back(c);
        if (pair.size() < 2) continue;
        out.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
        pair.clear();
    }
    return out;
}

core::error_code refusal(std::string_view hex) {
    const auto decoded = decode_avro(from_hex(hex));
    return decoded ? core::error_code{} : decoded.error();
}

/// The vector with everything null or zero up to the place in question.
const std::string third =
    "02 08 64 65 76 31 02 14 74 65 78 74 2f 70 6c 61 69 6e 02 04 01 02 01 0e 02 02 02 02 72 02 06 61 2f "
    "62 02 02 02 6b 02 76 00 04 68 69";

} // namespace

TEST_CASE("avro: the three vectors of the reference, both ways", "[notification2][ref-B.1.5]") {
    mqtt_service_message plain;
    plain.payload = "Hello World";
    mqtt_service_message device;
    device.client_id = "dev1";
    device.message_id = 7;
    device.topic = "a/b";
    device.payload = "hi";
    mqtt_service_message full = device;
    full.dup_flag = true;
    full.user_properties = std::vector<user_property>{{"k", "v"}};
    full.format = payload_format::utf_8;
    full.content_type = "text/plain";
    full.correlation_data = "\x01\x02";
    full.response_topic = "r";
    const std::pair<mqtt_service_message, std::string> vectors[] = {
        {plain, from_hex("00 00 00 00 00 00 00 00 00 16 48 65 6c 6c 6f 20 57 6f 72 6c 64")},
        {device, from_hex("02 08 64 65 76 31 00 00 00 0e 00 00 02 06 61 2f 62 00 04 68 69")},
        {full, from_hex(third)}};
    for (const auto& [message, bytes] : vectors) {
        std::string out;
        append_avro(out, message);
        CHECK(out == bytes);
        const auto decoded = decode_avro(bytes);
        REQUIRE(decoded);
        CHECK(*decoded == message);
    }
    CHECK(core::base64_encode(vectors[1].second) == "AghkZXYxAAAADgAAAgZhL2IABGhp");
    CHECK(core::base64_encode(vectors[2].second) == "AghkZXYxAhR0ZXh0L3BsYWluAgQBAgEOAgICAnICBmEvYgICAmsCdgAEaGk=");
}

TEST_CASE("avro: map blocks, several and with a byte size", "[notification2]") {
    const auto blocks = from_hex("00 00 00 00 00 00 00 00 02  02 02 61 02 62  01 0a 02 63 04 64 65  00 00");
    const auto decoded = decode_avro(blocks);
    REQUIRE(decoded);
    REQUIRE(decoded->user_properties);
    CHECK(*decoded->user_properties == std::vector<user_property>{{"a", "b"}, {"c", "de"}});
    mqtt_service_message empty_map;
    empty_map.user_properties.emplace();
    std::string out;
    append_avro(out, empty_map);
    CHECK(out == from_hex("00 00 00 00 00 00 00 00 02 00 00"));
    CHECK(decode_avro(out).value() == empty_map);
}

TEST_CASE("avro: a block with a count or size that lies", "[notification2]") {
    CHECK(refusal("00 00 00 00 00 00 00 00 02 01 0a 02 63 02 64 00 00") == errc::bad_block_size); // 5 stated, 4 there
    CHECK(refusal("00 00 00 00 00 00 00 00 02 01 01 02 63 02 64 00 00") == errc::negative_length);
    CHECK(refusal("00 00 00 00 00 00 00 00 02 c8 01 00 00 00") == errc::record_truncated); // 100 entries in 3 bytes
    CHECK(refusal("00 00 00 00 00 00 00 00 02 fe ff ff ff ff ff ff ff ff 01") == errc::too_many_properties);
    CHECK(refusal("00 00 00 00 00 00 00 00 02 ff ff ff ff ff ff ff ff ff 01 00 00") == errc::too_many_properties);
    avro_limits one;
    one.user_properties_max = 1;
    const auto two = from_hex("00 00 00 00 00 00 00 00 02 04 00 00 00 00 00 00");
    CHECK(decode_avro(two));
    CHECK(decode_avro(two, one).error() == errc::too_many_properties);
    const auto in_two_blocks = from_hex("00 00 00 00 00 00 00 00 02 02 00 00 02 00 00 00 00");
    CHECK(decode_avro(in_two_blocks));
    CHECK(decode_avro(in_two_blocks, one).error() == errc::too_many_properties);
}

TEST_CASE("avro: every way to be wrong has a name", "[notification2]") {
    CHECK(refusal("") == errc::record_truncated);
    CHECK(refusal("04 00") == errc::bad_union_branch);
    CHECK(refusal("01") == errc::bad_union_branch);
    CHECK(refusal("02 08 64 65") == errc::record_truncated);
    CHECK(refusal("02 01") == errc::negative_length);
    CHECK(refusal("02 fe ff ff ff ff ff ff ff ff 01") == errc::record_truncated); // the largest length
    CHECK(refusal("02 ff ff ff ff ff ff ff ff ff 01") == errc::negative_length);
    CHECK(refusal("02 ff ff ff ff ff ff ff ff ff 02") == errc::number_too_large);
    CHECK(refusal("02 80 80 80 80 80 80 80 80 80 80 00") == errc::number_too_large);
    CHECK(refusal("02 80") == errc::record_truncated);
    CHECK(refusal("02 02 ff") == errc::not_utf8);
    CHECK(refusal("02 04 c0 80") == errc::not_utf8);
    CHECK(refusal("00 00 00 02") == errc::bad_boolean);
    CHECK(refusal("00 00 00 00 80 80 80 80 10") == errc::number_too_large); // 2^31
    CHECK(refusal("00 00 00 00 00 02 04") == errc::bad_enum_symbol);
    CHECK(refusal("00 00 00 00 00 02 01") == errc::bad_enum_symbol);
    CHECK(refusal("00 00 00 00 00 00 00 00 00 00 00") == errc::trailing_bytes);
    CHECK(refusal("00 00 00 00 00 00 00 00 00 02") == errc::record_truncated);
    // Bytes are bytes: neither correlation data nor payload has to be UTF-8, and both may hold NUL.
    CHECK(decode_avro(from_hex("00 00 02 04 ff 00 00 00 00 00 00 00 04 fe 00")));
}

TEST_CASE("avro: the least and largest message identifiers", "[notification2]") {
    for (const std::int32_t id :
         {0, -1, 65535, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()}) {
        mqtt_service_message message;
        message.message_id = id;
        std::string out;
        append_avro(out, message);
        CHECK(decode_avro(out).value().message_id == id);
    }
}

TEST_CASE("avro: no shortened vector is accepted", "[notification2]") {
    const auto bytes = from_hex(third);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        INFO(size);
        CHECK(decode_avro(std::string(bytes.data(), size)).error() == errc::record_truncated);
    }
}
