#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

routes::platform::disruption disturb(simulation& sim, const std::string& target = "/user/currentUser") {
    return sim.platform.disrupt(sim.request("GET", target, "", {}));
}

} // namespace

TEST_CASE("faults: none by default", "[platform][faults]") {
    simulation sim;
    const auto how = disturb(sim);
    CHECK(how.delay.count() == 0);
    CHECK_FALSE(how.hang);
    CHECK_FALSE(how.instead);
}

TEST_CASE("faults: a share fails with 500, the rest is served", "[platform][faults]") {
    model::fault_settings faults;
    faults.fail_share = 0.25;
    simulation sim({}, faults);
    int failed = 0;
    for (int i = 0; i < 4000; ++i) {
        const auto how = disturb(sim);
        if (!how.instead) continue;
        REQUIRE(how.instead->status == 500);
        ++failed;
    }
    CHECK(failed > 850);
    CHECK(failed < 1150);
}

TEST_CASE("faults: over the limit is 429 with Retry-After, until the next second", "[platform][faults]") {
    model::fault_settings faults;
    faults.requests_per_s_max = 3;
    simulation sim({}, faults);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(disturb(sim).instead);
    const auto how = disturb(sim);
    REQUIRE(how.instead);
    CHECK(how.instead->status == 429);
    CHECK(how.instead->headers.get("Retry-After") == "1");
    sim.clock.advance(std::chrono::seconds(1));
    CHECK_FALSE(disturb(sim).instead);
}

TEST_CASE("faults: set at run time, /sim is never disturbed", "[platform][faults]") {
    simulation sim;
    const auto set = sim.send("POST", "/sim/faults", R"({"failShare":1,"delayMs":20})", {{"Authorization", ""}});
    CHECK(set.status == 200);
    CHECK(set.body == R"({"delayMs":20,"failShare":1,"hangShare":0,"throttle":0,"down":false,"path":""})");
    CHECK(disturb(sim).instead);
    CHECK(disturb(sim).delay.count() == 20);
    CHECK_FALSE(disturb(sim, "/sim/stats").instead);
    CHECK(disturb(sim, "/sim/stats").delay.count() == 0);
    CHECK(sim.send("POST", "/sim/faults", R"({"failShare":0,"hangShare":1.0})").status == 200);
    CHECK(disturb(sim).hang);
    CHECK(sim.send("GET", "/sim/faults").text("hangShare") == "1");
}

TEST_CASE("faults: down answers 503 before everything else, until it is up again", "[platform][faults]") {
    simulation sim;
    CHECK(sim.send("POST", "/sim/faults", R"({"down":true,"hangShare":1})").status == 200);
    const auto how = disturb(sim);
    REQUIRE(how.instead);
    CHECK(how.instead->status == 503);
    CHECK_FALSE(how.hang);
    CHECK(sim.send("GET", "/sim/stats").json().at("requests").at("disturbed").at("503") == 1);
    CHECK(sim.send("POST", "/sim/faults", R"({"down":false,"hangShare":0})").status == 200);
    CHECK_FALSE(disturb(sim).instead);
}

TEST_CASE("faults: a path keeps the others out of it", "[platform][faults]") {
    simulation sim;
    CHECK(sim.send("POST", "/sim/faults", R"({"failShare":1,"delayMs":20,"path":"/user/"})").status == 200);
    CHECK(disturb(sim, "/user/currentUser").instead);
    CHECK_FALSE(disturb(sim, "/tenant/options").instead);
    CHECK(disturb(sim, "/tenant/options").delay.count() == 0);
    CHECK(sim.send("POST", "/sim/faults", R"({"path":""})").status == 200);
    CHECK(disturb(sim, "/tenant/options").instead);
}

TEST_CASE("faults: the routes of device logins are disturbed like all others", "[platform][faults]") {
    simulation sim;
    CHECK(sim.send("POST", "/sim/faults", R"({"failShare":1})").status == 200);
    const auto path = GENERATE(as<std::string>{}, "/user/currentUser", "/devicecontrol/deviceCredentials",
                               "/devicecontrol/newDeviceRequests", "/tenant/tenants/t0815/trusted-certificates",
                               "/tenant/trusted-certificates/verify-cert-chain",
                               "/tenant/trusted-certificates/settings/crl", "/tenant/options", "/features");
    CHECK(disturb(sim, path).instead);
}

TEST_CASE("faults: wrong settings change nothing", "[platform][faults]") {
    simulation sim;
    check_error(sim.send("POST", "/sim/faults", "x"), 400, "sim/Bad Request");
    const auto body = GENERATE(as<std::string>{}, R"({"failShare":2})", R"({"failShare":"1"})", R"({"delayMs":-1})",
                               R"({"throttle":1.5})", R"({"failshare":1})", R"({"down":1})", R"({"path":7})");
    check_error(sim.send("POST", "/sim/faults", body), 422, "undefined/validationError");
    CHECK_FALSE(disturb(sim).instead);
    check_error(sim.send("GET", "/sim/nothing"), 404, "sim/Not Found");
}

TEST_CASE("statistics: objects by kind, requests by route and status; reset forgets", "[platform][faults]") {
    simulation sim;
    const auto id = sim.device();
    (void)sim.send("GET", "/inventory/managedObjects/" + id);
    (void)sim.send("GET", "/inventory/managedObjects/1");
    const auto stats = sim.send("GET", "/sim/stats").json();
    CHECK(stats.at("tenants").at("t0815").at("managedObjects") == 1);
    const auto& requests = stats.at("requests");
    CHECK(requests.at("POST /inventory/managedObjects").at("201") == 1);
    CHECK(requests.at("GET /inventory/managedObjects/{id}").at("200") == 1);
    CHECK(requests.at("GET /inventory/managedObjects/{id}").at("404") == 1);
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(sim.send("GET", "/sim/stats").body == R"({"tenants":{},"requests":{},"logins":{}})");
    CHECK(sim.send("GET", "/inventory/managedObjects/" + id).status == 404);
    CHECK(sim.send("GET", "/sim/health").body == R"({"status":"UP"})");
}
