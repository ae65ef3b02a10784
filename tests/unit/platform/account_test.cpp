#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

TEST_CASE("platform: wrong, missing and malformed credentials are 401", "[platform][D.1]") {
    simulation sim;
    const auto header = GENERATE(as<std::string>{}, "", "Basic !!!", "Bearer abc", "Basic dDA4MTU=",
                                 "Basic dDA4MTUvYWRtaW46d3Jvbmc=", // t0815/admin:wrong
                                 "Basic dDA4MTYvYWRtaW46YWRtaW4tc2VjcmV0" /* t0816/admin:admin-secret */);
    const auto got = sim.send("GET", "/user/currentUser", "", {{"Authorization", header}});
    check_error(got, 401, "security/Unauthorized");
    CHECK(got.text("message") == "Invalid credentials! : Bad credentials");
    CHECK(got.headers.has("WWW-Authenticate"));
}

TEST_CASE("platform: the current user has its effective roles", "[platform][E.7]") {
    simulation sim;
    const auto admin = sim.send("GET", "/user/currentUser");
    CHECK(admin.status == 200);
    CHECK(admin.text("userName") == "admin");
    CHECK(admin.body.find("ROLE_NOTIFICATION_2_ADMIN") != std::string::npos);
    sim.as("t0815/reader", "reader-secret");
    const auto reader = sim.send("GET", "/user/currentUser");
    CHECK(reader.count("effectiveRoles") == 2);
    CHECK(reader.body.find("ROLE_INVENTORY_READ") != std::string::npos);
}

TEST_CASE("platform: the current user names its tenant, and logins are counted by user and status", "[platform][E.7]") {
    simulation sim;
    sim.as_device();
    const auto device = sim.send("GET", "/user/currentUser");
    CHECK(device.text("self") == "http://sim.example.com/user/t0815/users/device1");
    CHECK(device.count("effectiveRoles") == 2);
    CHECK(device.body.find("ROLE_DEVICE_BOOTSTRAP") == std::string::npos);
    CHECK(sim.send("GET", "/user/currentUser").status == 200);
    sim.as("t0815/device1", "wrong");
    CHECK(sim.send("GET", "/user/currentUser").status == 401);
    sim.as("t0999/nobody", "x");
    CHECK(sim.send("GET", "/user/currentUser").status == 401);
    CHECK(sim.send("GET", "/user/currentUser", "", {{"Authorization", ""}}).status == 401);
    CHECK(sim.send("GET", "/tenant/currentTenant").status == 401); // no login of that kind
    CHECK(sim.send("GET", "/sim/stats").json().at("logins") ==
          test::json::parse(
              R"json({"(none)":{"401":1},"t0815/device1":{"200":2,"401":1},"t0999/nobody":{"401":1}})json"));
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(sim.send("GET", "/sim/stats").json().at("logins").as_object().empty());
}

TEST_CASE("platform: tenants are apart", "[platform]") {
    simulation sim;
    const auto id = sim.device();
    sim.as("t0816/admin", "other-secret");
    CHECK(sim.send("GET", "/tenant/currentTenant").text("name") == "t0816");
    check_error(sim.send("GET", "/inventory/managedObjects/" + id), 404, "inventory/Not Found");
}

TEST_CASE("platform: bootstrap answers the subscribed tenants to who may read them", "[platform][E.4]") {
    simulation sim;
    const auto got = sim.send("GET", "/application/currentApplication/subscriptions");
    CHECK(got.status == 200);
    CHECK(got.count("users") == 2);
    CHECK(sim.send("GET", "/application/currentApplication").text("name") == "mqtt-mapper");
    CHECK(sim.send("GET", "/application/currentApplication/settings").body == "{}");
    sim.as_device();
    check_error(sim.send("GET", "/application/currentApplication/subscriptions"), 403, "security/Forbidden");
}

TEST_CASE("platform: unknown paths are 404, wrong methods 405", "[platform][D.1]") {
    simulation sim;
    check_error(sim.send("GET", "/nowhere"), 404, "general/Not Found");
    check_error(sim.send("PATCH", "/alarm/alarms"), 405, "general/Method Not Allowed");
}

TEST_CASE("platform: X-HTTP-METHOD lets POST act as PUT", "[platform][D.1]") {
    simulation sim;
    const auto id = sim.device();
    const auto got =
        sim.send("POST", "/inventory/managedObjects/" + id, R"({"name":"new"})", {{"X-HTTP-METHOD", "PUT"}});
    CHECK(got.status == 200);
    CHECK(got.text("name") == "new");
}

TEST_CASE("accounts: forms that are refused", "[platform]") {
    model::account_book book;
    CHECK_FALSE(book.add("user:password"));
    CHECK_FALSE(book.add("t1/user"));
    CHECK_FALSE(book.add("t1/:x"));
    CHECK(book.add("t1/user:pass:word"));
    CHECK(book.authenticate(net::basic_authorization("t1/user", "pass:word")) != nullptr);
    CHECK(book.authenticate(net::basic_authorization("user", "pass:word")) != nullptr); // unique without tenant
    CHECK(book.add("t2/user:pass:word"));
    CHECK(book.authenticate(net::basic_authorization("user", "pass:word")) == nullptr);
    CHECK(book.has_tenant("t1"));
    CHECK_FALSE(book.has_tenant("t"));
    CHECK_FALSE(book.has_tenant("t11"));
    CHECK_FALSE(book.set_roles("t1/nobody=ROLE_X"));
    CHECK_FALSE(book.set_roles("t1/user"));
}
