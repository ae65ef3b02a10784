#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

const std::string one = "/tenant/options/configuration/crl.offline.check.enabled";

void set_option(simulation& sim, const std::string& category, const std::string& key, const std::string& value) {
    const auto got = sim.send("POST", "/tenant/options",
                              R"({"category":")" + category + R"(","key":")" + key + R"(","value":")" + value + "\"}");
    REQUIRE(got.status == 200);
}

} // namespace

TEST_CASE("tenant options: created with 200, read, changed, removed", "[platform][E.6]") {
    simulation sim;
    const auto made = sim.send("POST", "/tenant/options",
                               R"({"category":"configuration","key":"crl.offline.check.enabled","value":"false"})");
    CHECK(made.status == 200);
    CHECK(made.text("self") == "http://sim.example.com" + one);
    CHECK(sim.send("GET", one).body == made.body);
    const auto changed = sim.send("PUT", one, R"({"value":"true"})");
    CHECK(changed.status == 200);
    CHECK(changed.text("value") == "true");
    CHECK(sim.send("GET", one).text("value") == "true");
    CHECK(sim.send("DELETE", one).status == 204);
    check_error(sim.send("GET", one), 404, "options/Not Found");
    check_error(sim.send("DELETE", one), 404, "options/Not Found");
    check_error(sim.send("PUT", one, R"({"value":"true"})"), 404, "options/Not Found");
}

TEST_CASE("tenant options: a category is a flat map", "[platform][E.6]") {
    simulation sim;
    CHECK(sim.send("GET", "/tenant/options/a").body == "{}");
    const auto put = sim.send("PUT", "/tenant/options/a", R"({"x":"1","y.z":"2"})");
    CHECK(put.status == 200);
    CHECK(put.body == R"({"x":"1","y.z":"2"})");
    CHECK(sim.send("PUT", "/tenant/options/a", R"({"x":"3"})", {{"Accept", ""}}).body.empty());
    CHECK(sim.send("GET", "/tenant/options/a").body == R"({"x":"3","y.z":"2"})");
    CHECK(sim.send("GET", "/tenant/options/a/y.z").text("value") == "2");
    CHECK(sim.send("GET", "/tenant/options/b").body == "{}");
}

TEST_CASE("tenant options: listed with paging, of this tenant only", "[platform][E.6]") {
    simulation sim;
    for (const auto key : {"a", "b", "c"}) set_option(sim, "x", key, "1");
    const auto page = sim.send("GET", "/tenant/options?pageSize=2&currentPage=2&withTotalPages=true");
    CHECK(page.count("options") == 1);
    CHECK(page.text("statistics.totalPages") == "2");
    sim.as("t0816/admin", "other-secret");
    CHECK(sim.send("GET", "/tenant/options").count("options") == 0);
    CHECK(sim.send("GET", "/tenant/options/x").body == "{}");
}

TEST_CASE("tenant options: secrets are shown to the service user of their category only", "[platform][E.6]") {
    simulation sim;
    set_option(sim, "mqtt-mapper", "credentials.key", "hidden");
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper/credentials.key").text("value") == "<<Encrypted>>");
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper").text("credentials.key") == "(absent)"); // a key with a dot
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper").body == R"({"credentials.key":"<<Encrypted>>"})");
    CHECK(sim.send("GET", "/tenant/options").body.find("hidden") == std::string::npos);
    sim.as_new("t0815", "service_other");
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper/credentials.key").text("value") == "<<Encrypted>>");
    sim.as_new("t0815", "service_mqtt-mapper");
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper/credentials.key").text("value") == "hidden");
    CHECK(sim.send("GET", "/tenant/options/mqtt-mapper").body == R"({"credentials.key":"hidden"})");
}

TEST_CASE("tenant options: values that are refused", "[platform][E.6]") {
    simulation sim;
    check_error(sim.send("POST", "/tenant/options", "x"), 400, "options/Bad Request");
    check_error(sim.send("PUT", "/tenant/options/a", "[]"), 400, "options/Bad Request");
    const auto body =
        GENERATE(as<std::string>{}, R"({"key":"k","value":"v"})", R"({"category":"c","value":"v"})",
                 R"({"category":"c","key":"k"})", R"({"category":"c","key":"k","value":" "})",
                 R"({"category":"c","key":"k","value":""})", R"({"category":"c","key":"k","value":true})");
    check_error(sim.send("POST", "/tenant/options", body), 422, "undefined/validationError");
    set_option(sim, "c", "k", "v");
    const auto value = GENERATE(as<std::string>{}, "{}", R"({"value":" "})", R"({"value":1})");
    check_error(sim.send("PUT", "/tenant/options/c/k", value), 422, "undefined/validationError");
    check_error(sim.send("PUT", "/tenant/options/c", R"({"k":"w","l":" "})"), 422, "undefined/validationError");
    CHECK(sim.send("GET", "/tenant/options/c").body == R"({"k":"v"})"); // all or none
}

TEST_CASE("tenant options: reading and changing need a role each", "[platform][E.6]") {
    simulation sim;
    set_option(sim, "c", "k", "v");
    sim.as_new("t0815", "reads", "ROLE_OPTION_MANAGEMENT_READ");
    CHECK(sim.send("GET", "/tenant/options/c/k").status == 200);
    check_error(sim.send("PUT", "/tenant/options/c/k", R"({"value":"w"})"), 403, "security/Forbidden");
    check_error(sim.send("PUT", "/tenant/options/c", R"({"k":"w"})"), 403, "security/Forbidden");
    check_error(sim.send("POST", "/tenant/options", "{}"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", "/tenant/options/c/k"), 403, "security/Forbidden");
    sim.as_new("t0815", "writes", "ROLE_OPTION_MANAGEMENT_ADMIN");
    CHECK(sim.send("PUT", "/tenant/options/c/k", R"({"value":"w"})").status == 200);
    for (const auto path : {"/tenant/options", "/tenant/options/c", "/tenant/options/c/k"})
        check_error(sim.send("GET", path), 403, "security/Forbidden");
    sim.as("t0815/admin", "wrong");
    check_error(sim.send("GET", "/tenant/options"), 401, "security/Unauthorized");
}
