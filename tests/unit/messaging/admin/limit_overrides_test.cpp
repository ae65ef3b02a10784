#include "messaging/admin/limit_overrides.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace messaging::admin;

TEST_CASE("limits: a number sets, null removes, absent stays", "[admin]") {
    limit_overrides set;
    REQUIRE(merge_limits(R"({"ttlSeconds":60,"topics":7})", set) == "");
    REQUIRE(merge_limits(R"({"topics":null,"messageBytes":2048})", set) == "");
    messaging::topic::limits now;
    const messaging::topic::limits before;
    set.apply(now);
    CHECK(now.ttl == std::chrono::seconds(60));
    CHECK(now.topics_per_tenant == before.topics_per_tenant);
    CHECK(now.record_bytes == 2048);
    CHECK(now.backlog_bytes_per_topic == before.backlog_bytes_per_topic);
    CHECK_FALSE(set.empty());
    REQUIRE(merge_limits(R"({"ttlSeconds":null,"messageBytes":null})", set) == "");
    CHECK(set.empty());
}

TEST_CASE("limits: a body with a mistake changes nothing and says which", "[admin]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "JSON"},
        {"[]", "object"},
        {R"({"ttl":1})", "ttlSeconds"},
        {R"({"topics":1,"ttlSeconds":0})", "ttlSeconds"},
        {R"({"ttlSeconds":-1})", "ttlSeconds"},
        {R"({"ttlSeconds":1.5})", "ttlSeconds"},
        {R"({"ttlSeconds":"60"})", "ttlSeconds"},
        {R"({"messageBytes":262145})", "messageBytes"},
        {R"({"topics":99999999999999999999})", "JSON"},
        {R"({"backlogBytesPerTopic":10})", "backlogBytesPerTopic"},
    };
    for (const auto& [body, word] : cases) {
        limit_overrides set;
        set.values[3] = 5;
        INFO(body);
        CHECK_THAT(merge_limits(body, set), Catch::Contains(word));
        CHECK(set.values[3] == 5);
        CHECK_FALSE(set.values[2]);
    }
}

TEST_CASE("limits: what is in force is shown with what was set", "[admin]") {
    limit_overrides set;
    REQUIRE(merge_limits(R"({"ttlSeconds":60})", set) == "");
    messaging::topic::limits now;
    set.apply(now);
    core::json_writer out;
    append_limits(out, now, set);
    CHECK(std::move(out).text() == R"({"backlogBytesPerTopic":26214400,"backlogBytesPerTenant":1073741824,)"
                                   R"("ttlSeconds":60,"topics":100000,"subscriptions":100000,"messageBytes":132096,)"
                                   R"("set":["ttlSeconds"]})");
}
