#include "tests/platform/server/options.hpp"

#include <catch2/catch.hpp>

using platform_sim::server::parse_options;

TEST_CASE("options: defaults are the demo's", "[platform][options]") {
    const auto parsed = parse_options({});
    CHECK(parsed.problem.empty());
    CHECK(parsed.value.port == 8111);
    CHECK(parsed.value.address == "127.0.0.1");
    const auto& users = parsed.value.platform.accounts.all();
    REQUIRE(users.size() == 3);
    CHECK(users.at("management/devicebootstrap").password == "bootstrap-secret");
    CHECK(users.at("t0815/admin").has("ROLE_ANYTHING"));
    CHECK_FALSE(users.at("t0815/device1").has("ROLE_MEASUREMENT_ADMIN"));
    CHECK(users.at("t0815/device1").has("ROLE_INVENTORY_CREATE"));
}

TEST_CASE("options: both forms, users and roles", "[platform][options]") {
    const auto parsed =
        parse_options({"--port=0", "--delay-ms", "20", "--fail-share=0.1", "--user", "t1/service_x:p=q", "--user",
                       "t1/u:p", "--roles", "t1/u=ROLE_A,ROLE_B", "--verbose", "--measurements-kept", "10",
                       "--fingerprints", "--throttle", "50", "--hang-share", "0.5"});
    CHECK(parsed.problem.empty());
    CHECK(parsed.value.port == 0);
    CHECK(parsed.value.verbose);
    CHECK(parsed.value.platform.faults.delay.count() == 20);
    CHECK(parsed.value.platform.faults.fail_share == Approx(0.1));
    CHECK(parsed.value.platform.faults.hang_share == Approx(0.5));
    CHECK(parsed.value.platform.faults.requests_per_s_max == 50);
    CHECK(parsed.value.platform.limits.measurements_kept_max == 10);
    CHECK(parsed.value.platform.limits.fingerprints);
    const auto& users = parsed.value.platform.accounts.all();
    REQUIRE(users.size() == 3); // no demo users beside own ones and the bootstrap user
    CHECK(users.at("t1/service_x").password == "p=q");
    CHECK(users.at("t1/u").roles == std::set<std::string, std::less<>>{"ROLE_A", "ROLE_B"});
}

TEST_CASE("options: the bootstrap user's password", "[platform][options]") {
    const auto parsed = parse_options({"--bootstrap-password", "b=c"});
    CHECK(parsed.problem.empty());
    CHECK(parsed.value.platform.accounts.all().at("management/devicebootstrap").password == "b=c");
}

TEST_CASE("options: mistakes are named", "[platform][options]") {
    using list = std::vector<std::string>;
    const auto [arguments, word] = GENERATE(table<list, std::string>({
        {list{"--prot", "1"}, "--prot"},
        {list{"--port", "70000"}, "70000"},
        {list{"--port"}, "--port"},
        {list{"--fail-share", "1.5"}, "1.5"},
        {list{"--fail-share", "nan"}, "nan"},
        {list{"--user", "nobody"}, "nobody"},
        {list{"--bootstrap-password="}, "--bootstrap-password"},
        {list{"--roles", "t1/u=ROLE_A"}, "t1/u"},
        {list{"--measurements-kept", "0"}, "--measurements-kept"},
        {list{"--notifications", "messaging=http://127.0.0.1:8082"}, "--notifications"},
    }));
    CHECK_THAT(parse_options(arguments).problem, Catch::Contains(word));
}
