#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::reply;
using test::simulation;

namespace {

const std::string requests = "/devicecontrol/newDeviceRequests";

void register_device(simulation& sim, const std::string& id) {
    sim.as_admin();
    REQUIRE(sim.send("POST", requests, R"({"id":")" + id + "\"}").status == 201);
}

reply ask(simulation& sim, const std::string& id, const std::string& token = {}, const test::headers& extra = {}) {
    sim.as_bootstrap();
    const std::string more = token.empty() ? "" : R"(,"securityToken":")" + token + "\"";
    auto got = sim.send("POST", "/devicecontrol/deviceCredentials", R"({"id":")" + id + "\"" + more + "}", extra);
    sim.as_admin();
    return got;
}

reply accept(simulation& sim, const std::string& id, const std::string& more = {}) {
    sim.as_admin();
    return sim.send("PUT", requests + "/" + id, R"({"status":"ACCEPTED")" + more + "}");
}

} // namespace

TEST_CASE("registration: the whole way from an ID to a login", "[platform][F.1]") {
    simulation sim;
    const auto made = sim.send("POST", requests, R"({"id":"dev-7","type":"c8y_Pump","groupId":"12"})");
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com" + requests + "/dev-7");
    CHECK(made.json() == test::json::parse(R"({"id":"dev-7","status":"WAITING_FOR_CONNECTION","owner":"admin",
        "tenantId":"t0815","creationTime":"2026-01-01T00:00:00.000Z","type":"c8y_Pump","groupId":"12",
        "self":"http://sim.example.com/devicecontrol/newDeviceRequests/dev-7"})"));
    check_error(ask(sim, "dev-7"), 404, "devicecontrol/Not Found");
    CHECK(sim.send("GET", requests + "/dev-7").text("status") == "PENDING_ACCEPTANCE");
    check_error(ask(sim, "dev-7"), 404, "devicecontrol/Not Found");
    CHECK(sim.send("GET", requests + "/dev-7").text("status") == "PENDING_ACCEPTANCE");
    const auto accepted = accept(sim, "dev-7");
    CHECK(accepted.status == 200);
    CHECK(accepted.text("status") == "ACCEPTED");
    const auto given = ask(sim, "dev-7", "", {{"Accept", ""}});
    CHECK(given.status == 200);
    CHECK(given.content_type == "application/vnd.com.nsn.cumulocity.deviceCredentials+json;charset=UTF-8;ver=0.9");
    CHECK(given.text("id") == "dev-7");
    CHECK(given.text("tenantId") == "t0815");
    CHECK(given.text("username") == "device_dev-7");
    CHECK(given.text("password").size() == 20);
    CHECK(given.text("self") == "http://sim.example.com/devicecontrol/deviceCredentials/dev-7");
    sim.as("t0815/device_dev-7", given.text("password"));
    const auto user = sim.send("GET", "/user/currentUser");
    CHECK(user.status == 200);
    CHECK(user.body.find("ROLE_INVENTORY_CREATE") != std::string::npos);
    check_error(sim.send("GET", requests), 403, "security/Forbidden"); // a device, not an operator
}

TEST_CASE("registration: credentials are given once; a second registration changes the password", "[platform][F.1]") {
    simulation sim;
    const auto pass = [&] {
        register_device(sim, "dev-7");
        CHECK(ask(sim, "dev-7").status == 404);
        CHECK(accept(sim, "dev-7").status == 200);
        CHECK(accept(sim, "dev-7").status == 200); // once more changes nothing
        return ask(sim, "dev-7").text("password");
    };
    const std::string first = pass();
    check_error(ask(sim, "dev-7"), 404, "devicecontrol/Not Found");
    check_error(sim.send("GET", requests + "/dev-7"), 404, "devicecontrol/Not Found");
    const std::string second = pass();
    CHECK(first != second);
    sim.as("t0815/device_dev-7", first);
    CHECK(sim.send("GET", "/user/currentUser").status == 401);
    sim.as("t0815/device_dev-7", second);
    CHECK(sim.send("GET", "/user/currentUser").status == 200);
}

TEST_CASE("registration: nobody but the bootstrap user asks for credentials", "[platform][F.1]") {
    simulation sim;
    register_device(sim, "dev-7");
    check_error(sim.send("POST", "/devicecontrol/deviceCredentials", R"({"id":"dev-7"})"), 403, "security/Forbidden");
    sim.as_device();
    check_error(sim.send("POST", "/devicecontrol/deviceCredentials", R"({"id":"dev-7"})"), 403, "security/Forbidden");
    sim.as("management/devicebootstrap", "wrong");
    check_error(sim.send("POST", "/devicecontrol/deviceCredentials", R"({"id":"dev-7"})"), 401,
                "security/Unauthorized");
    sim.as_admin();
    CHECK(sim.send("GET", requests + "/dev-7").text("status") == "WAITING_FOR_CONNECTION"); // none of them counted
    sim.as_bootstrap();
    check_error(sim.send("POST", requests, R"({"id":"x"})"), 403, "security/Forbidden");
    CHECK(sim.send("GET", "/user/currentUser").count("effectiveRoles") == 1);
    check_error(sim.send("GET", "/devicecontrol/deviceCredentials"), 405, "general/Method Not Allowed");
}

TEST_CASE("registration: a device that was not registered, or waits, gets 404", "[platform][F.1]") {
    simulation sim;
    check_error(ask(sim, "unknown"), 404, "devicecontrol/Not Found");
    register_device(sim, "dev-7");
    check_error(ask(sim, "dev-8"), 404, "devicecontrol/Not Found");
    sim.as_bootstrap();
    check_error(sim.send("POST", "/devicecontrol/deviceCredentials", "x"), 400, "devicecontrol/Bad Request");
    check_error(sim.send("POST", "/devicecontrol/deviceCredentials", "{}"), 422, "undefined/validationError");
}

TEST_CASE("registration: acceptance needs a device that has connected", "[platform][F.1]") {
    simulation sim;
    register_device(sim, "dev-7");
    check_error(accept(sim, "dev-7"), 422, "undefined/validationError");
    CHECK(ask(sim, "dev-7").status == 404);
    check_error(accept(sim, "dev-8"), 404, "devicecontrol/Not Found");
    check_error(sim.send("PUT", requests + "/dev-7", "x"), 400, "devicecontrol/Bad Request");
    const auto body = GENERATE(as<std::string>{}, "{}", R"({"status":"PENDING_ACCEPTANCE"})",
                               R"({"status":"accepted"})", R"({"securityToken":"t"})");
    check_error(sim.send("PUT", requests + "/dev-7", body), 422, "undefined/validationError");
    CHECK(ask(sim, "dev-7").status == 404);
    CHECK(accept(sim, "dev-7").status == 200);
}

TEST_CASE("registration: a security token must be the device's own, on both sides", "[platform][F.1]") {
    simulation sim;
    register_device(sim, "dev-7");
    CHECK(ask(sim, "dev-7", "right").status == 404);
    CHECK(ask(sim, "dev-7", "thief").status == 404); // the first one counts
    check_error(accept(sim, "dev-7"), 422, "undefined/validationError");
    check_error(accept(sim, "dev-7", R"(,"securityToken":"thief")"), 422, "undefined/validationError");
    CHECK(accept(sim, "dev-7", R"(,"securityToken":"right")").status == 200);
    check_error(ask(sim, "dev-7", "thief"), 404, "devicecontrol/Not Found");
    check_error(ask(sim, "dev-7"), 404, "devicecontrol/Not Found");
    CHECK(ask(sim, "dev-7", "right").status == 200);
    register_device(sim, "dev-8");
    CHECK(ask(sim, "dev-8").status == 404);
    check_error(accept(sim, "dev-8", R"(,"securityToken":"x")"), 422, "undefined/validationError");
    CHECK(accept(sim, "dev-8").status == 200);
}

TEST_CASE("registration: IDs are unique over tenants, and each tenant sees its own", "[platform][F.1]") {
    simulation sim;
    register_device(sim, "dev-7");
    check_error(sim.send("POST", requests, R"({"id":"dev-7"})"), 422, "devicecontrol/Non Unique Result");
    sim.as("t0816/admin", "other-secret");
    check_error(sim.send("POST", requests, R"({"id":"dev-7"})"), 422, "devicecontrol/Non Unique Result");
    CHECK(sim.send("GET", requests).count("newDeviceRequests") == 0);
    check_error(sim.send("GET", requests + "/dev-7"), 404, "devicecontrol/Not Found");
    check_error(sim.send("PUT", requests + "/dev-7", R"({"status":"ACCEPTED"})"), 404, "devicecontrol/Not Found");
    check_error(sim.send("DELETE", requests + "/dev-7"), 404, "devicecontrol/Not Found");
    sim.as_admin();
    CHECK(sim.send("GET", requests).count("newDeviceRequests") == 1);
}

TEST_CASE("registration: listed with paging, removed", "[platform][F.1]") {
    simulation sim;
    for (const auto id : {"a", "b", "c"}) register_device(sim, id);
    const auto page = sim.send("GET", requests + "?pageSize=2&withTotalElements=true");
    CHECK(page.count("newDeviceRequests") == 2);
    CHECK(page.text("statistics.totalElements") == "3");
    CHECK(sim.send("DELETE", requests + "/b").status == 204);
    check_error(sim.send("DELETE", requests + "/b"), 404, "devicecontrol/Not Found");
    CHECK(sim.send("GET", requests).count("newDeviceRequests") == 2);
    check_error(ask(sim, "b"), 404, "devicecontrol/Not Found");
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(sim.send("GET", requests).count("newDeviceRequests") == 0);
}

TEST_CASE("registration: IDs that make no user name are refused", "[platform][F.1]") {
    simulation sim;
    check_error(sim.send("POST", requests, "x"), 400, "devicecontrol/Bad Request");
    check_error(sim.send("POST", requests, "{}"), 422, "undefined/validationError");
    const auto id = GENERATE(as<std::string>{}, "", "a b", "a/b", "a:b", "a+b", "a$b", R"(a\\b)", R"(a\n)");
    check_error(sim.send("POST", requests, R"({"id":")" + id + "\"}"), 422, "undefined/validationError");
}

TEST_CASE("registration: each call has its role", "[platform][F.1]") {
    simulation sim;
    register_device(sim, "dev-7");
    sim.as_new("t0815", "sees", "ROLE_DEVICE_CONTROL_READ");
    CHECK(sim.send("GET", requests + "/dev-7").status == 200);
    check_error(sim.send("POST", requests, R"({"id":"x"})"), 403, "security/Forbidden");
    check_error(sim.send("PUT", requests + "/dev-7", R"({"status":"ACCEPTED"})"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", requests + "/dev-7"), 403, "security/Forbidden");
    sim.as_new("t0815", "operates", "ROLE_DEVICE_CONTROL_ADMIN");
    CHECK(sim.send("POST", requests, R"({"id":"x"})", {{"Accept", ""}}).body.empty());
    check_error(sim.send("GET", requests), 403, "security/Forbidden");
    check_error(sim.send("DELETE", requests + "/x"), 403, "security/Forbidden");
    sim.as_new("t0815", "manages", "ROLE_USER_MANAGEMENT_ADMIN");
    CHECK(sim.send("DELETE", requests + "/x").status == 204);
}
