#include "common/auth/current_user.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace auth;

TEST_CASE("current user: name and roles", "[auth][ref-E.7]") {
    const core::tenant_id tenant{"t0815"};
    const auto who = read_current_user(
        R"({"userName":"Device1","id":"other","effectiveRoles":[{"id":"x","name":"ROLE_A"},{"id":"ROLE_B"},7,{}]})",
        tenant);
    REQUIRE(who);
    CHECK(who->tenant == tenant);
    CHECK(who->user == "Device1"); // as the platform writes it
    CHECK(who->roles == std::vector<std::string>{"ROLE_A", "ROLE_B"});
    CHECK(read_current_user(R"({"id":"device1"})", tenant)->user == "device1");
    CHECK(read_current_user(R"({"userName":"u","enabled":true})", tenant)->roles.empty());
    CHECK(read_current_user(R"({"userName":"u","enabled":false})", tenant).error() == errc::wrong_credentials);
    for (const char* bad : {"", "null", "{}", R"({"userName":null})", R"({"userName":"u")"}) {
        INFO(bad);
        CHECK(read_current_user(bad, tenant).error() == errc::bad_answer);
    }
}

TEST_CASE("current user: a list of roles without end is cut", "[auth]") {
    std::string json = R"({"userName":"u","effectiveRoles":[)";
    for (std::size_t i = 0; i < roles_max + 10; ++i) json += (i == 0 ? "" : ",") + std::string(R"({"name":"R"})");
    CHECK(read_current_user(json + "]}", core::tenant_id{"t"})->roles.size() == roles_max);
}
