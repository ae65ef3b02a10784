#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto path = "/devicecontrol/operations";

std::string operation(const std::string& device) {
    return R"({"deviceId":")" + device + R"(","description":"Restart","c8y_Restart":{}})";
}

} // namespace

TEST_CASE("operations: new ones are PENDING", "[platform][D.7]") {
    simulation sim;
    const auto device = sim.device();
    const auto made = sim.send("POST", path, operation(device));
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/devicecontrol/operations/" + made.text("id"));
    CHECK(made.text("status") == "PENDING");
    CHECK(made.text("deviceId") == device);
    CHECK(made.text("c8y_Restart") == "{}");
    CHECK(made.text("creationTime") == "2026-01-01T00:00:00.000Z");
}

TEST_CASE("operations: errors of POST", "[platform][D.7]") {
    simulation sim;
    const auto device = sim.device();
    check_error(sim.send("POST", path, "{}"), 422, "undefined/validationError");
    check_error(sim.send("POST", path, operation("77")), 422, "undefined/validationError");
    check_error(sim.send("POST", path, R"({"deviceId":")" + device + R"(","status":"SUCCESSFUL"})"), 422,
                "undefined/validationError");
    check_error(sim.send("POST", path, "no"), 400, "devicecontrol/Bad Request");
    sim.as_device();
    check_error(sim.send("POST", path, operation(device)), 403, "security/Forbidden");
}

TEST_CASE("operations: the status moves, the reason belongs to FAILED", "[platform][D.7]") {
    simulation sim;
    const auto made = sim.send("POST", path, operation(sim.device()));
    const auto target = path + ("/" + made.text("id"));
    CHECK(sim.send("PUT", target, R"({"status":"EXECUTING"})").text("status") == "EXECUTING");
    check_error(sim.send("PUT", target, R"({"failureReason":"x"})"), 422, "undefined/validationError");
    const auto failed = sim.send("PUT", target, R"({"status":"FAILED","failureReason":"no answer"})");
    CHECK(failed.text("failureReason") == "no answer");
    const auto done = sim.send("PUT", target, R"({"status":"SUCCESSFUL","result":{"code":0}})");
    CHECK(done.text("failureReason") == "(absent)");
    CHECK(done.text("result.code") == "0");
    check_error(sim.send("PUT", target, R"({"status":"PENDING"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", target, R"({"status":"DONE"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", target, R"({"deviceId":"1"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", path + std::string("/1"), R"({"status":"EXECUTING"})"), 404, "devicecontrol/Not Found");
    check_error(sim.send("GET", path + std::string("/1")), 404, "devicecontrol/Not Found");
}

TEST_CASE("operations: filters, agents and external IDs", "[platform][D.7]") {
    simulation sim;
    const auto agent = sim.device("agent");
    const auto child = sim.device("child");
    REQUIRE(sim.send("POST", "/inventory/managedObjects/" + agent + "/childDevices",
                     R"({"managedObject":{"id":")" + child + R"("}})")
                .status == 201);
    REQUIRE(
        sim.send("POST", "/identity/globalIds/" + child + "/externalIds", R"({"type":"c8y_Serial","externalId":"c1"})")
            .status == 201);
    const auto first = sim.send("POST", path, operation(agent));
    const auto second = sim.send("POST", path, operation(child));
    REQUIRE(sim.send("PUT", path + ("/" + first.text("id")), R"({"status":"EXECUTING"})").status == 200);
    const auto found = [&](const std::string& query) { return sim.send("GET", path + query); };
    CHECK(found("?deviceId=" + agent).count("operations") == 1);
    const auto of_agent = found("?agentId=" + agent);
    CHECK(of_agent.count("operations") == 2);
    CHECK(of_agent.body.find(R"("externalId":"c1")") != std::string::npos);
    CHECK(of_agent.body.find(R"("deviceName":"child")") != std::string::npos);
    CHECK(found("?agentId=" + agent + "&status=PENDING").count("operations") == 1);
    CHECK(found("?fragmentType=c8y_Restart").count("operations") == 2);
    CHECK(found("?fragmentType=c8y_Command").count("operations") == 0);
    CHECK(found("?pageSize=1").body.find("\"id\":\"" + first.text("id")) != std::string::npos); // ascending
    CHECK(found("?pageSize=1&revert=true").body.find("\"id\":\"" + second.text("id")) != std::string::npos);
    check_error(found("?status=DONE"), 422, "undefined/validationError");
    CHECK(sim.send("DELETE", path + ("?deviceId=" + agent)).status == 204);
    CHECK(found("").count("operations") == 1);
    sim.as_device();
    check_error(sim.send("DELETE", path), 403, "security/Forbidden");
}
