#include "mapper/mapping/mapping_index.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace mapper::mapping;

namespace {

topic_filter filter(std::string_view text) {
    auto parsed = parse_topic_filter(text);
    REQUIRE(std::holds_alternative<topic_filter>(parsed));
    return std::get<topic_filter>(parsed);
}

mapping mapping_from(std::string_view topic) {
    mapping made;
    made.name = topic;
    made.uplink.emplace().topic = filter(topic);
    return made;
}

} // namespace

TEST_CASE("topic filter: levels, names and the rest", "[mapping]") {
    std::vector<std::string_view> named;
    CHECK(filter("site/{site}/{room}/env").match("site/b/r7/env", named));
    CHECK(named == std::vector<std::string_view>{"b", "r7"});
    CHECK_FALSE(filter("site/{site}").match("site", named));
    CHECK_FALSE(filter("site/{site}").match("site/a/b", named));
    CHECK(filter("site/{site}").match("site/", named));
    CHECK(filter("a/#").match("a", named));
    CHECK(filter("a/#").match("a/b/c", named));
    CHECK_FALSE(filter("a/#").match("ab", named));
    CHECK(filter("a/{x}/#").mqtt() == "a/+/#");
    CHECK(filter("+/b").match("a/b", named));
    CHECK(named.empty());
}

TEST_CASE("index: all matching mappings, in order, and none for $ topics by wildcard", "[mapping]") {
    std::vector<mapping> all;
    for (const auto* topic : {"#", "a/{x}", "a/b", "a/b/#", "+/b", "a/b/c"}) all.push_back(mapping_from(topic));
    mapping_index index;
    for (const auto& one : all) index.add(one);
    const auto names = [&](std::string_view topic) {
        std::vector<mapping_index::match> found;
        index.find(topic, found);
        std::string out;
        for (const auto& one : found) out += one.of->name + " ";
        return out;
    };
    CHECK(names("a/b") == "# a/{x} a/b a/b/# +/b ");
    CHECK(names("a/b/c") == "# a/b/# a/b/c ");
    CHECK(names("x/b") == "# +/b ");
    CHECK(names("$SYS/b") == "");
}

TEST_CASE("index: agrees with matching each filter", "[mapping]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto level = [&](bool wild) {
        static constexpr std::string_view words[] = {"a", "b", "", "+", "#"};
        return std::string(words[random() % (wild ? 4 : 3)]);
    };
    std::vector<mapping> all;
    for (int i = 0; i < 300; ++i) {
        std::string topic = "t";
        for (auto n = random() % 4; n > 0; --n) topic += "/" + level(true);
        if (random() % 4 == 0) topic += "/#";
        all.push_back(mapping_from(topic));
    }
    mapping_index index;
    for (const auto& one : all) index.add(one);
    for (int i = 0; i < 500; ++i) {
        std::string topic = "t";
        for (auto n = random() % 5; n > 0; --n) topic += "/" + level(false);
        INFO(topic);
        std::vector<mapping_index::match> found;
        index.find(topic, found);
        std::vector<std::string_view> named;
        std::size_t expected = 0;
        for (const auto& one : all) expected += one.uplink->topic.match(topic, named) ? 1 : 0;
        CHECK(found.size() == expected);
    }
}
