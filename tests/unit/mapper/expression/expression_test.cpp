#include "evaluate.hpp"

#include <catch2/catch.hpp>

TEST_CASE("compile: unknown names and functions are refused with place and suggestion", "[expression]") {
    auto wrong = refusal("paylod.x > 1");
    CHECK(wrong.column == 1);
    CHECK(wrong.message == "`paylod` is not known here; did you mean `payload`?");
    wrong = refusal("payload.x + $lenght(room)");
    CHECK(wrong.column == 13);
    CHECK(wrong.message == "there is no function `$lenght` in this version; did you mean `$length`?");
    wrong = refusal("temperature");
    CHECK(wrong.message ==
          "`temperature` is not known here; known names: payload, room, time (members of the message are "
          "written payload.temperature)");
    wrong = refusal("$x + 1");
    CHECK(wrong.message == "the variable `$x` is not set before this place");
    wrong = refusal("$payload.x");
    CHECK(wrong.message == "the variable `$payload` is not set before this place; `payload` is written without $");
}

TEST_CASE("compile: impossible types and wrong argument counts are refused", "[expression]") {
    CHECK(refusal("payload.x + 'a'").message == "`+` needs a number, not text; to join texts use &");
    CHECK(refusal("true < 1").message == "`<` compares numbers or texts, not true/false");
    CHECK(refusal("1 < 'a'").message == "`<` cannot compare a number with text");
    CHECK(refusal("$substring('abc')").message == "`$substring` takes 2 to 3 values in its parentheses, not 1");
    CHECK(refusal("$round('a')").message == "`$round` takes a number here, not text");
    CHECK(refusal("$now(1)").message == "`$now` takes 0 values in its parentheses, not 1");
}

TEST_CASE("compile: parts of JSONata that are left out are refused by name", "[expression]") {
    const auto source =
        GENERATE(as<std::string>{}, "payload.a ~> $sum", "payload^(v)", "payload{id: v}", "payload@$x.y", "payload#$i",
                 "[1..3]", "payload.**", "payload.%.x", "function($x){$x}", "$f(?, 1)", "|payload|{}|",
                 "$contains(room, /a/)", "payload.x ! 1", "$map(payload, 1)");
    INFO(source);
    const auto wrong = refusal(source);
    CHECK(wrong.message != "accepted");
    CHECK(wrong.column >= 1);
}

TEST_CASE("compile: syntax mistakes have a column and plain words", "[expression]") {
    CHECK(refusal("payload.x +").message == "the expression ends too early; a value is missing");
    CHECK(refusal("payload.x +").column == 12);
    CHECK(refusal("(payload.x").message == "expected `)` here, found the end of the expression");
    CHECK(refusal("'abc").message == "the text that begins with ' is not closed");
    CHECK(refusal("payload x").message == "`x` does not fit here; is an operator such as & or + missing before it?");
    CHECK(refusal("substring(room, 1)").message == "functions begin with $: write `$substring(…)`");
    CHECK(refusal("payload.x == 1").column == 12);
    CHECK(refusal("").column == 1);
    CHECK(refusal("1 + ($x := 2)").message == "accepted");
    CHECK(refusal("1 + $x := 2").message != "accepted");
}

TEST_CASE("evaluate: failures name the kind of value and the place", "[expression]") {
    auto got = evaluate("a.b * 2", R"({"a":{"b":"7"}})");
    CHECK_FALSE(got.ok);
    CHECK(got.message == "`*` needs numbers, but the value before it is text; $number(…) makes a number of it");
    CHECK(got.column == 5);
    CHECK(evaluate("a / 0", R"({"a":1})").message == "division by zero");
    CHECK(evaluate("$number(a)", R"({"a":"x1"})").message == "`$number` cannot make a number of the text \"x1\"");
    CHECK(evaluate("$sum(a)", R"({"a":[1,"x"]})").message == "`$sum` takes a list of numbers, but the list holds text");
    CHECK(evaluate("{a: 1}", R"({"a":5})").message == "the name of a member must be text, not a number");
}

TEST_CASE("evaluate: names of a closed scope are slots, and $$ leads back to them", "[expression]") {
    using namespace mapper::expression;
    const scope names{std::vector<std::string>{"payload", "room"}, false};
    INFO(refusal("payload.list[id = $$.room].v").message);
    auto compiled = compile("payload.list[id = $$.room].v & '/' & room", names);
    REQUIRE(std::holds_alternative<program_ptr>(compiled));
    mapper::payload::json_decoder decoder;
    value payload;
    REQUIRE(decoder.decode(R"({"list":[{"id":"r6","v":1},{"id":"r7","v":2}]})", payload));
    const std::vector<value> slots{payload, value::text("r7")};
    evaluator in;
    in.begin(0);
    value result;
    REQUIRE(in.run(*std::get<program_ptr>(compiled), slots, value{}, result));
    CHECK(result.as_text() == "2/r7");
}

TEST_CASE("evaluate: of two members with one name the last counts, as in JSON.parse", "[expression]") {
    CHECK(evaluate("a", R"({"a":1,"a":2})").json == "2");
    CHECK(evaluate("$string($)", R"({"a":1,"b":3,"a":2})").json == R"("{\"a\":2,\"b\":3}")");
}

TEST_CASE("evaluate: time functions use the message's time", "[expression]") {
    CHECK(evaluate("$now()", "{}").json == R"("2026-01-01T00:00:00.000Z")");
    CHECK(evaluate("$millis()", "{}").json == "1767225600000");
    CHECK(evaluate("$hex(255)", "{}").json == R"("ff")");
    CHECK(evaluate("$hex('az')", "{}").json == R"("617a")");
}
