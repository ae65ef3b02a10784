#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

unsigned login(simulation& sim, const std::string& user, const std::string& password) {
    sim.as(user, password);
    return sim.send("GET", "/user/currentUser").status;
}

} // namespace

TEST_CASE("users: come with their tenant, change their password, go", "[platform][users]") {
    simulation sim;
    CHECK(login(sim, "t9/dev", "one") == 401);
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"dev","password":"one"})").status == 201);
    CHECK(login(sim, "t9/dev", "one") == 200);
    CHECK(sim.send("GET", "/tenant/currentTenant").text("name") == "t9");
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"dev","password":"two"})").status == 200);
    CHECK(login(sim, "t9/dev", "one") == 401);
    CHECK(login(sim, "t9/dev", "two") == 200);
    CHECK(sim.send("DELETE", "/sim/users/t9/dev").status == 204);
    CHECK(login(sim, "t9/dev", "two") == 401);
    check_error(sim.send("DELETE", "/sim/users/t9/dev"), 404, "sim/Not Found");
}

TEST_CASE("users: roles are a device's, or as told, and stay when the password changes", "[platform][users]") {
    simulation sim;
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"dev","password":"p"})").status == 201);
    CHECK(login(sim, "t9/dev", "p") == 200);
    CHECK(sim.send("GET", "/user/currentUser").body.find("ROLE_INVENTORY_CREATE") != std::string::npos);
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"dev","roles":["ROLE_X"]})").status == 200);
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"dev","password":"q"})").status == 200);
    CHECK(login(sim, "t9/dev", "q") == 200);
    const auto user = sim.send("GET", "/user/currentUser");
    CHECK(user.count("effectiveRoles") == 1);
    CHECK(user.body.find("ROLE_X") != std::string::npos);
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"admin","password":"p"})").status == 201);
    sim.as("t9/admin", "p");
    CHECK(sim.send("GET", "/tenant/options").status == 200);
}

TEST_CASE("users: names with escapes are removed by their decoded form; a reset keeps users", "[platform][users]") {
    simulation sim;
    CHECK(sim.send("POST", "/sim/users", R"({"tenant":"t9","user":"a b","password":"p"})").status == 201);
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(login(sim, "t9/a b", "p") == 200);
    CHECK(sim.send("DELETE", "/sim/users/t9/a%20b").status == 204);
    CHECK(login(sim, "t9/a b", "p") == 401);
}

TEST_CASE("users: mistakes are refused and change nothing", "[platform][users]") {
    simulation sim;
    check_error(sim.send("POST", "/sim/users", "x"), 400, "sim/Bad Request");
    const auto body =
        GENERATE(as<std::string>{}, R"({"user":"dev","password":"p"})", R"({"tenant":"t9","password":"p"})",
                 R"({"tenant":"t9","user":"dev"})", R"({"tenant":"t9","user":"dev","password":""})",
                 R"({"tenant":"t/9","user":"dev","password":"p"})", R"({"tenant":"t9","user":"d:v","password":"p"})",
                 R"({"tenant":"t9","user":"dev","password":"p","roles":"ROLE_X"})",
                 R"({"tenant":"t9","user":"dev","password":"p","roles":[1]})",
                 R"({"tenant":"t9","user":"dev","password":"p","role":["ROLE_X"]})",
                 R"({"tenant":"t0815","user":"device1","password":""})");
    const auto before = sim.platform.all().accounts.all().size();
    check_error(sim.send("POST", "/sim/users", body), 422, "undefined/validationError");
    CHECK(sim.platform.all().accounts.all().size() == before);
    CHECK(login(sim, "t0815/device1", "device1-secret") == 200);
    const auto path = GENERATE(as<std::string>{}, "/sim/users/", "/sim/users/t0815", "/sim/users/t0815/none");
    check_error(sim.send("DELETE", path), 404, "sim/Not Found");
}
