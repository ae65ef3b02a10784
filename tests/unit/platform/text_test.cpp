#include "tests/platform/model/json.hpp"
#include "tests/platform/model/text.hpp"

#include <catch2/catch.hpp>

using namespace platform_sim::model;

TEST_CASE("text: times with and without zone", "[platform][text]") {
    constexpr std::int64_t noon = 1'770'116'400'000; // 2026-02-03T11:00:00Z
    CHECK(parse_time("2026-02-03T11:00:00.000Z") == noon);
    CHECK(parse_time("2026-02-03T11:00:00Z") == noon);
    CHECK(parse_time("2026-02-03T11:00Z") == noon);
    CHECK(parse_time("2026-02-03T12:00:00+01:00") == noon);
    CHECK(parse_time("2026-02-03T12:00:00+0100") == noon);
    CHECK(parse_time("2026-02-03T06:30:00-04:30") == noon);
    CHECK(parse_time("2026-02-03T11:00:00") == noon); // no zone: UTC
    CHECK(parse_time("2026-02-03") == noon - 11 * 3600 * 1000);
    CHECK(parse_time("2026-02-03T11:00:00.1234567Z") == noon + 123);
    for (const auto wrong :
         {"", "2026", "2026-2-3", "2026-02-30", "2026-02-03 11:00:00Z", "2026-02-03T24:00:00Z", "2026-02-03T11:60:00Z",
          "2026-02-03T11:00:00X", "2026-02-03T11:00:00Zx", "2026-02-03T11:00:00+99:00"}) {
        INFO(wrong);
        CHECK_FALSE(parse_time(wrong));
    }
}

TEST_CASE("text: wildcards", "[platform][text]") {
    CHECK(wildcard_match("a*c", "abbc"));
    CHECK(wildcard_match("*", ""));
    CHECK(wildcard_match("*b*", "abc"));
    CHECK_FALSE(wildcard_match("a*c", "abcd"));
    CHECK_FALSE(wildcard_match("", "a"));
}

TEST_CASE("json: written as people write numbers", "[platform][text]") {
    const auto object = parse_object(R"({"a":21.5,"b":3,"c":-9007199254740993,"d":"\u00e4\n","e":[true,null,{}]})");
    REQUIRE(object);
    CHECK(json_text(*object) == "{\"a\":21.5,\"b\":3,\"c\":-9007199254740993,\"d\":\"ä\\n\",\"e\":[true,null,{}]}");
    CHECK_FALSE(parse_object("[1]"));
    CHECK_FALSE(parse_object(R"({"a":1,})"));
}

TEST_CASE("json: IDs are texts of digits", "[platform][text]") {
    CHECK(parse_id("4711") == 4711);
    for (const auto wrong : {"", "x", "-1", "1.0", " 1", "99999999999999999999"}) CHECK(parse_id(wrong) == 0);
}
