#include "messaging/endpoint/token_request.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace messaging::endpoint;

TEST_CASE("the original's client asks for a token") {
    token_request read;
    REQUIRE(parse_token_request(R"({"subscriber":"mapper1","subscription":"plant/line1/telemetry","type":"mqtt",)"
                                R"("signed":true,"expiresInMinutes":60,"shared":true,"nonPersistent":true})",
                                read) == "");
    CHECK(read.subscriber == "mapper1");
    CHECK(read.subscription == "plant/line1/telemetry");
    CHECK(read.type == "mqtt");
    CHECK(read.expires_in_minutes == 60);
    CHECK(read.shared);
    CHECK(read.non_persistent);
}

TEST_CASE("absent and null fields have their defaults, unknown ones are ignored") {
    token_request read;
    REQUIRE(parse_token_request(R"({"subscriber":"s","subscription":"a/#","type":null,"expiresInMinutes":null,)"
                                R"("shared":null,"signed":false,"later":[1,{"x":2}]})",
                                read) == "");
    CHECK(read.type.empty());
    CHECK(read.expires_in_minutes == 1440);
    CHECK_FALSE(read.shared);
    CHECK_FALSE(read.non_persistent);
    CHECK(read.subscription == "a/#"); // a notification subscription may be called that
}

TEST_CASE("each mistake is told with its field") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "JSON"},
        {"{", "JSON"},
        {R"({"subscriber":"s","subscription":"t",})", "JSON"},
        {"[]", "object"},
        {"7", "object"},
        {R"({"subscription":"t"})", "subscriber"},
        {R"({"subscriber":null,"subscription":"t"})", "subscriber"},
        {R"({"subscriber":" \t","subscription":"t"})", "subscriber"},
        {R"({"subscriber":7,"subscription":"t"})", "subscriber"},
        {R"({"subscriber":"a\u0000b","subscription":"t"})", "subscriber"},
        {R"({"subscriber":")" + std::string(513, 'x') + R"(","subscription":"t"})", "subscriber"},
        {R"({"subscriber":"s"})", "subscription"},
        {R"({"subscriber":"s","subscription":""})", "subscription"},
        {R"({"subscriber":"s","subscription":["t"]})", "subscription"},
        {R"({"subscriber":"s","subscription":")" + std::string(4097, 'x') + R"("})", "subscription"},
        {R"({"subscriber":"s","subscription":"a/#","type":"mqtt"})", "wildcards"},
        {R"({"subscriber":"s","subscription":"+","type":"mqtt"})", "wildcards"},
        {R"({"subscriber":"s","subscription":"t","type":"other"})", "type"},
        {R"({"subscriber":"s","subscription":"t","type":true})", "type"},
        {R"({"subscriber":"s","subscription":"t","expiresInMinutes":0})", "expiresInMinutes"},
        {R"({"subscriber":"s","subscription":"t","expiresInMinutes":-5})", "expiresInMinutes"},
        {R"({"subscriber":"s","subscription":"t","expiresInMinutes":1.5})", "expiresInMinutes"},
        {R"({"subscriber":"s","subscription":"t","expiresInMinutes":"60"})", "expiresInMinutes"},
        {R"({"subscriber":"s","subscription":"t","expiresInMinutes":9223372036854775807})", "expiresInMinutes"},
        {R"({"subscriber":"s","subscription":"t","shared":"true"})", "shared"},
        {R"({"subscriber":"s","subscription":"t","nonPersistent":1})", "nonPersistent"},
        {R"({"subscriber":"s","subscription":"t","signed":"yes"})", "signed"},
        {"{\"subscriber\":\"\xff\",\"subscription\":\"t\"}", "JSON"},
    };
    for (const auto& [body, expected] : cases) {
        INFO(body.substr(0, 100));
        token_request read;
        CHECK_THAT(parse_token_request(body, read), Catch::Contains(expected));
    }
}
