#include "evaluate.hpp"

#include <catch2/catch.hpp>

#include <random>

using mapper::expression::budget;

TEST_CASE("budget: steps, bytes and time end an evaluation with a clear message", "[expression]") {
    std::string list = "[";
    for (int i = 0; i < 2000; ++i) list += (i == 0 ? "" : ",") + std::to_string(i);
    list += "]";
    budget few;
    few.steps_max = 10'000;
    few.time_max = std::chrono::minutes(1); // each limit by itself, however slow the machine is
    CHECK(evaluate("a[$$.a[$ = 1999] = 1]", R"({"a":)" + list + "}", few).message ==
          "the mapping does too much work for one message (more than 10000 steps)");
    budget small;
    small.bytes_max = 10'000;
    small.time_max = std::chrono::minutes(1);
    CHECK(evaluate("a.[$,$,$]", R"({"a":)" + list + "}", small).message ==
          "the mapping makes too much data of one message (more than 10000 bytes)");
    budget quick;
    quick.steps_max = 1'000'000'000'000;
    quick.bytes_max = 1'000'000'000'000;
    quick.time_max = std::chrono::milliseconds(1);
    CHECK(evaluate("a[$$.a[$ = 1999] = 1]", R"({"a":)" + list + "}", quick).message ==
          "the mapping takes too long for one message (more than 1 ms)");
}

TEST_CASE("hostile: text that doubles does not grow without bound", "[expression]") {
    std::string source = "($a := 'xxxxxxxxxxxxxxxx'";
    for (int i = 0; i < 40; ++i) source += "; $a := $a & $a";
    const auto got = evaluate(source + "; $length($a))", "{}");
    CHECK_FALSE(got.ok);
}

TEST_CASE("hostile: deep expressions and documents are refused, not followed", "[expression]") {
    CHECK_FALSE(evaluate(std::string(5000, '(') + "1" + std::string(5000, ')'), "{}").compiled);
    CHECK_FALSE(evaluate(std::string(5000, '-') + "1", "{}").compiled);
    CHECK_FALSE(evaluate(std::string(5000, '['), "{}").compiled);
    std::string chain = "1";
    for (int i = 0; i < 3000; ++i) chain += "+1";
    CHECK_FALSE(evaluate(chain, "{}").compiled);
    CHECK_FALSE(evaluate(std::string(20'000, 'a'), "{}").compiled);
    CHECK(evaluate("a", std::string(100, '[') + std::string(100, ']')).message ==
          "the JSON is nested deeper than 64 levels");
    CHECK_FALSE(evaluate("\xff\xfe", "{}").compiled);
}

TEST_CASE("hostile: random expressions end in an answer, a refusal or a failure", "[expression]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    static constexpr std::string_view parts[] = {
        "a", "b",   ".",  "[",   "]",  "(",     ")",        "{",      "}",       "1",           "-", "+",    "*",
        "/", "%",   "&",  "'t'", ",",  ":",     ":=",       "$x",     "$",       "$$",          "?", "??",   "?:",
        "=", "<",   "in", "and", "or", "$sum(", "$string(", "$keys(", "$split(", "$substring(", ";", "null", "true",
        " ", "`q`", "0",  "2.5", "..", "**",    "\"",       "\\u",    "[]",      "$merge("};
    for (int round = 0; round < 20'000; ++round) {
        std::string source;
        const auto length = 1 + random() % 14;
        for (std::size_t i = 0; i < length; ++i) source += parts[random() % std::size(parts)];
        INFO(source);
        const auto got = evaluate(source, R"({"a":[{"b":1},{"b":[2,{"a":"x"}]},null],"b":{"a":3.5,"q":"t"},"q":[]})");
        const bool explained = got.ok || !got.message.empty();
        if (!explained) FAIL("no message");
    }
}
