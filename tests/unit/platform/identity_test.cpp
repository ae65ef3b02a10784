#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

TEST_CASE("identity: bind, resolve, list, unbind", "[platform][D.3]") {
    simulation sim;
    const auto id = sim.device();
    const auto target = "/identity/globalIds/" + id + "/externalIds";
    const auto made = sim.send("POST", target, R"({"type":"c8y_Serial","externalId":"dev/7 ä"})");
    CHECK(made.status == 201);
    CHECK(made.text("managedObject.id") == id);
    CHECK(made.text("managedObject.self") == "http://sim.example.com/inventory/managedObjects/" + id);
    CHECK(made.location == "http://sim.example.com/identity/externalIds/c8y_Serial/dev%2F7%20%C3%A4");
    CHECK(made.text("self") == made.location);
    const auto got = sim.send("GET", "/identity/externalIds/c8y_Serial/dev%2F7%20%C3%A4");
    CHECK(got.status == 200);
    CHECK(got.text("externalId") == "dev/7 ä");
    CHECK(sim.send("GET", target).count("externalIds") == 1);
    CHECK(sim.send("DELETE", "/identity/externalIds/c8y_Serial/dev%2F7%20%C3%A4").status == 204);
    check_error(sim.send("GET", "/identity/externalIds/c8y_Serial/dev%2F7%20%C3%A4"), 404, "identity/Not Found");
    check_error(sim.send("DELETE", "/identity/externalIds/c8y_Serial/dev%2F7%20%C3%A4"), 404, "identity/Not Found");
}

TEST_CASE("identity: what is bound stays bound: 409", "[platform][D.3]") {
    simulation sim;
    const auto a = sim.device("a");
    const auto b = sim.device("b");
    REQUIRE(sim.send("POST", "/identity/globalIds/" + a + "/externalIds", R"({"type":"s","externalId":"x"})").status ==
            201);
    const auto who = GENERATE_COPY(values({a, b}));
    check_error(sim.send("POST", "/identity/globalIds/" + who + "/externalIds", R"({"type":"s","externalId":"x"})"),
                409, "identity/Duplicate");
    CHECK(sim.send("GET", "/identity/externalIds/s/x").text("managedObject.id") == a);
}

TEST_CASE("identity: errors of POST", "[platform][D.3]") {
    simulation sim;
    const auto id = sim.device();
    const auto target = "/identity/globalIds/" + id + "/externalIds";
    check_error(sim.send("POST", "/identity/globalIds/77/externalIds", R"({"type":"s","externalId":"x"})"), 404,
                "identity/Not Found");
    check_error(sim.send("POST", target, R"({"externalId":"x"})"), 422, "undefined/validationError");
    check_error(sim.send("POST", target, R"({"type":"s"})"), 422, "undefined/validationError");
    check_error(sim.send("POST", target, "x"), 400, "identity/Bad Request");
    sim.as_device();
    check_error(sim.send("POST", target, R"({"type":"s","externalId":"x"})"), 403, "security/Forbidden");
    const auto own = sim.device("own");
    CHECK(sim.send("POST", "/identity/globalIds/" + own + "/externalIds", R"({"type":"s","externalId":"y"})").status ==
          201);
}
