#include "mapper/payload/json.hpp"

#include <catch2/catch.hpp>

using mapper::expression::kind;
using mapper::expression::value;

namespace {

std::string refused(std::string_view bytes) {
    mapper::payload::json_decoder decoder;
    value into;
    return decoder.decode(bytes, into) ? "accepted" : decoder.error();
}

} // namespace

TEST_CASE("json: objects, lists and single values are read", "[payload]") {
    mapper::payload::json_decoder decoder;
    value into;
    REQUIRE(decoder.decode(R"({"a":[1,2.5,"x",true,null]})", into));
    CHECK(into.field("a").size() == 5);
    REQUIRE(decoder.decode("42", into));
    CHECK(into.as_number() == 42);
    REQUIRE(decoder.decode("  \"x\"  ", into));
    CHECK(into.as_text() == "x");
    REQUIRE(decoder.decode("18446744073709551615", into));
    CHECK(into.as_number() == 18446744073709551615.0);
    REQUIRE(decoder.decode("[]", into));
    CHECK(into.is(kind::array));
}

TEST_CASE("json: what is wrong is said in plain words", "[payload]") {
    CHECK(refused("") == "the message is empty; JSON was expected");
    CHECK(refused("   ") == "the message is empty; JSON was expected");
    CHECK(refused("{\"a\":1,}") == "the message is not valid JSON: a comma before `}` at byte 6");
    CHECK(refused("{'a':1}") == "the message is not valid JSON: a single quote at byte 1; JSON uses double quotes");
    CHECK(refused("{\"a\":1") == "the message is not valid JSON: a `}` is missing at the end");
    CHECK(refused("[1]]") == "the message is not valid JSON: `]` at byte 3 closes nothing");
    CHECK(refused("{\"a\":\"b") == "the message is not valid JSON: a text is not closed");
    CHECK(refused("\"\xff\"") == "the message is not valid UTF-8");
    CHECK(refused("99999999999999999999999") ==
          "the JSON holds a number that is malformed or does not fit 64 bits; send long numbers as text");
    CHECK(refused("1e999") ==
          "the JSON holds a number that is malformed or does not fit 64 bits; send long numbers as text");
    CHECK(refused("NaN").starts_with("the message is not valid JSON"));
    CHECK(refused("{\"a\":1} x").starts_with("the message is not valid JSON"));
    CHECK(refused(std::string(70, '[') + std::string(70, ']')) == "the JSON is nested deeper than 64 levels");
    CHECK(refused(std::string(5'000'000, ' ')) == "the message is larger than 4 MiB");
}

TEST_CASE("json: a decoder goes on after a bad message", "[payload]") {
    mapper::payload::json_decoder decoder;
    value into;
    CHECK_FALSE(decoder.decode("{", into));
    CHECK_FALSE(into.exists());
    REQUIRE(decoder.decode("{\"a\":\"" + std::string(100'000, 'x') + "\"}", into));
    CHECK(into.field("a").as_text().size() == 100'000);
}
