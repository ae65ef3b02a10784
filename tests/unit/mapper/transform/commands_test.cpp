#include "mapper/mapping/mapping_loader.hpp"
#include "mapper/transform/commands.hpp"
#include "mapper/transform/mapping_test.hpp"

#include <catch2/catch.hpp>

using namespace mapper::transform;

TEST_CASE("commands: the examples pass lint and their own tests", "[transform]") {
    const auto checked = lint({EXAMPLES});
    INFO(checked.text);
    CHECK(checked.exit_code == 0);
    const auto tested = test({EXAMPLES});
    INFO(tested.text);
    CHECK(tested.exit_code == 0);
    CHECK(tested.text.find(" passed, 0 failed") != std::string::npos);
}

TEST_CASE("commands: mistakes and missing files end with exit code 1", "[transform]") {
    CHECK(lint({MISTAKES}).exit_code == 1);
    CHECK(lint({"/nowhere/x.yaml"}).exit_code == 1);
    CHECK(test({"/nowhere/x.yaml"}).exit_code == 1);
    CHECK(lint({}).exit_code == 1);
}

TEST_CASE("commands: run --dry shows what would be sent", "[transform]") {
    const auto file = std::string(EXAMPLES) + "/t0815/room-climate.yaml";
    auto shown = run_dry(file, "site/b/r7/env", R"({"ver":2,"dev":{"sn":"A1"},"data":{"temp":20.5},"bat":{"pct":12}})");
    CHECK(shown.exit_code == 0);
    CHECK(shown.text.find(R"("env":{"temperature":{"value":20.5,"unit":"C"}})") != std::string::npos);
    CHECK(run_dry(file, "other", "{}").text == "the mapping does not apply: its topic is site/{site}/{room}/env\n");
    CHECK(run_dry(file, "site/b/r7/env", "{").exit_code == 1);
}

TEST_CASE("tests: a difference names path, expected and got", "[transform]") {
    CHECK(json_difference(R"([{"a":{"b":1,"c":2}}])", R"([{"a":{"b":5,"d":3}},{}])") ==
          "    [0].a.b: expected 1, but came 5\n    [0].a.c: expected 2, but nothing came\n"
          "    [0].a.d: not expected, but came 3\n    [1]: not expected, but came {}\n");
    CHECK(json_difference(R"([{"a":1}])", R"([{"a":1,"time":"x"}])").empty());
    CHECK_FALSE(json_difference(R"([{"a":1,"time":"y"}])", R"([{"a":1,"time":"x"}])").empty());
}
