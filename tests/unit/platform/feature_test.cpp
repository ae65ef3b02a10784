#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

const std::string basic = "/features/mqtt-service.basic-authentication";

} // namespace

TEST_CASE("features: every user reads them, with their defaults", "[platform][A.4]") {
    simulation sim;
    sim.as_device();
    const auto one = sim.send("GET", basic);
    CHECK(one.status == 200);
    CHECK(one.content_type == "application/json");
    CHECK(one.body == R"({"key":"mqtt-service.basic-authentication","phase":"GENERALLY_AVAILABLE","active":true,)"
                      R"("strategy":"DEFAULT"})");
    CHECK(sim.send("GET", "/features/certificate-authority").text("active") == "false");
    CHECK(sim.send("GET", "/features").json().as_array().size() == 2);
}

TEST_CASE("features: a tenant switches its own and takes that back", "[platform][A.4]") {
    simulation sim;
    CHECK(sim.send("PUT", basic + "/by-tenant", R"({"active":false})").status == 200);
    CHECK(sim.send("GET", basic).text("active") == "false");
    CHECK(sim.send("GET", basic).text("strategy") == "TENANT");
    sim.as("t0816/admin", "other-secret");
    CHECK(sim.send("GET", basic).text("active") == "true");
    sim.as_admin();
    CHECK(sim.send("DELETE", basic + "/by-tenant").status == 200);
    CHECK(sim.send("GET", basic).text("active") == "true");
    CHECK(sim.send("GET", basic).text("strategy") == "DEFAULT");
}

TEST_CASE("features: the management tenant sees and switches them for others", "[platform][A.4]") {
    simulation sim;
    sim.as_new("management", "admin");
    CHECK(sim.send("GET", basic + "/by-tenant").body == "[]");
    CHECK(sim.send("PUT", basic + "/by-tenant/t0815", R"({"active":false})").status == 200);
    CHECK(sim.send("GET", basic + "/by-tenant").body == R"([{"tenantId":"t0815","active":false}])");
    check_error(sim.send("PUT", basic + "/by-tenant/t0999", R"({"active":false})"), 404, "tenant/Not Found");
    check_error(sim.send("DELETE", basic + "/by-tenant/t0999"), 404, "tenant/Not Found");
    sim.as_device();
    CHECK(sim.send("GET", basic).text("active") == "false");
    sim.as("management/admin", "secret");
    CHECK(sim.send("DELETE", basic + "/by-tenant/t0815").status == 200);
    CHECK(sim.send("GET", basic + "/by-tenant").body == "[]");
}

TEST_CASE("features: refusals", "[platform][A.4]") {
    simulation sim;
    check_error(sim.send("GET", "/features/nothing"), 404, "features/Not Found");
    check_error(sim.send("PUT", "/features/nothing/by-tenant", R"({"active":true})"), 404, "features/Not Found");
    check_error(sim.send("DELETE", "/features/nothing/by-tenant"), 404, "features/Not Found");
    check_error(sim.send("PUT", basic + "/by-tenant", "x"), 400, "features/Bad Request");
    check_error(sim.send("PUT", basic + "/by-tenant", R"({"active":"no"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", basic + "/by-tenant", "{}"), 422, "undefined/validationError");
    check_error(sim.send("GET", basic + "/by-tenant"), 403, "security/Forbidden"); // not the management tenant
    check_error(sim.send("PUT", basic + "/by-tenant/t0815", R"({"active":true})"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", basic + "/by-tenant/t0815"), 403, "security/Forbidden");
    sim.as_device();
    check_error(sim.send("PUT", basic + "/by-tenant", R"({"active":false})"), 403, "security/Forbidden");
    sim.as("t0815/device1", "wrong");
    check_error(sim.send("GET", basic), 401, "security/Unauthorized");
    sim.as_new("management", "admin");
    check_error(sim.send("GET", "/features/nothing/by-tenant"), 404, "features/Not Found");
}

TEST_CASE("features: a reset brings the defaults back", "[platform][A.4]") {
    simulation sim;
    CHECK(sim.send("PUT", basic + "/by-tenant", R"({"active":false})").status == 200);
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(sim.send("GET", basic).text("active") == "true");
}
