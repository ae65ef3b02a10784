#include "common/record/properties.hpp"
#include "common/record/record.hpp"

#include <catch2/catch.hpp>

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("record: layout is exactly the documented bytes", "[record]") {
    record::fields fields;
    fields.qos = 1;
    fields.dup = true;
    fields.authenticated_by = record::authentication::basic;
    fields.arrival_ms = 0x0102030405060708;
    fields.packet_identifier = 0x1122;
    fields.key_is_client_id = true;
    fields.client_id = "dev";
    fields.user = "u";
    fields.topic = "a/b";
    fields.properties = "\x01\x01"sv;
    fields.payload = "hi";
    std::string bytes;
    record::append(bytes, fields);
    const auto expected = "\x01\xD5\x01\x02\x03\x04\x05\x06\x07\x08\x11\x22\xFF\xFF\x00\x03"
                          "dev\x00\x01"
                          "u\x00\x03"
                          "a/b\x00\x00\x00\x02\x01\x01hi"s;
    CHECK(bytes == expected);
    CHECK(record::encoded_size(fields) == bytes.size());

    const auto parsed = record::parse(core::as_bytes(bytes));
    REQUIRE(parsed);
    CHECK(parsed->qos == 1);
    CHECK(parsed->dup);
    CHECK_FALSE(parsed->will);
    CHECK(parsed->effective_key() == "dev");
    CHECK(parsed->user == "u");
    CHECK(parsed->topic == "a/b");
    CHECK(parsed->properties == "\x01\x01"s);
    CHECK(parsed->payload == "hi");
    CHECK(record::peek_qos(core::as_bytes(bytes)) == 1);
}

TEST_CASE("record: every truncation of the header is refused", "[record]") {
    record::fields fields;
    fields.client_id = "client";
    fields.key = "key";
    fields.user = "user";
    fields.topic = "t";
    fields.properties = "\x01\x01"sv;
    std::string bytes;
    record::append(bytes, fields);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_FALSE(record::parse(core::as_bytes(std::string_view(bytes).substr(0, length))));
    CHECK(record::parse(core::as_bytes(bytes)));
}

TEST_CASE("record: an unknown version and QoS 3 are refused", "[record]") {
    std::string bytes;
    record::append(bytes, {});
    auto other = bytes;
    other[0] = 2;
    CHECK_FALSE(record::parse(core::as_bytes(other)));
    other = bytes;
    other[1] = 3;
    CHECK_FALSE(record::parse(core::as_bytes(other)));
}

TEST_CASE("record: properties are read in order and stop at the first malformed one", "[record]") {
    std::string wire;
    record::append_payload_format(wire, 1);
    record::append_property(wire, record::property::content_type, "text/plain");
    record::append_user_property(wire, "k", "v1");
    record::append_user_property(wire, "k", "v2");
    record::property_reader reader(wire);
    CHECK(reader.next()->number == 1);
    CHECK(reader.next()->text == "text/plain");
    const auto first = reader.next();
    CHECK(first->name == "k");
    CHECK(first->text == "v1");
    CHECK(reader.next()->text == "v2");
    CHECK_FALSE(reader.next());
    CHECK(reader.ok());

    for (const auto& bad : {"\x01"sv, "\x03\x00\x05hi"sv, "\x26\x00\x01k\x00"sv, "\x23\x00\x01"sv}) {
        record::property_reader broken(bad);
        CHECK_FALSE(broken.next());
        CHECK_FALSE(broken.ok());
    }
}
