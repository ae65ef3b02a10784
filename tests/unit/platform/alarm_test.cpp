#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto path = "/alarm/alarms";

std::string alarm(const std::string& source, const std::string& type = "hot",
                  const std::string& time = "2026-02-03T10:15:30.000Z", const std::string& severity = "MAJOR") {
    return R"({"source":{"id":")" + source + R"("},"type":")" + type + R"(","text":"Too hot","severity":")" + severity +
           R"(","time":")" + time + "\"}";
}

} // namespace

TEST_CASE("alarms: created with count 1 and ACTIVE", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    const auto made = sim.send("POST", path, alarm(id, "hot", "2026-02-03T10:15:30.000Z", "major"));
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/alarm/alarms/" + made.text("id"));
    CHECK(made.text("status") == "ACTIVE");
    CHECK(made.text("severity") == "MAJOR"); // case does not matter
    CHECK(made.text("count") == "1");
    CHECK(made.text("history.auditRecords") == "[]");
    CHECK(made.text("firstOccurrenceTime") == "(absent)");
    CHECK(sim.send("GET", path + ("/" + made.text("id"))).body == made.body);
}

TEST_CASE("alarms: the same source and type counts instead of creating", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    const auto first = sim.send("POST", path, alarm(id));
    if (GENERATE(true, false))
        REQUIRE(sim.send("PUT", path + ("/" + first.text("id")), R"({"status":"ACKNOWLEDGED"})").status == 200);
    const auto again = sim.send("POST", path, alarm(id, "hot", "2026-02-03T11:00:00.000Z", "CRITICAL"));
    CHECK(again.status == 201);
    CHECK(again.text("id") == first.text("id"));
    CHECK(again.text("count") == "2");
    CHECK(again.text("time") == "2026-02-03T11:00:00.000Z");
    CHECK(again.text("severity") == "MAJOR"); // other content is ignored
    CHECK(again.text("firstOccurrenceTime") == "2026-02-03T10:15:30.000Z");
    CHECK(sim.send("POST", path, alarm(id, "other")).text("count") == "1");
    CHECK(sim.send("POST", path, alarm(sim.device("b"))).text("count") == "1");
    CHECK(sim.send("GET", path).count("alarms") == 3);
}

TEST_CASE("alarms: a cleared one takes no part in counting", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    const auto first = sim.send("POST", path, alarm(id));
    REQUIRE(sim.send("PUT", path + ("/" + first.text("id")), R"({"status":"cleared"})").text("status") == "CLEARED");
    const auto second = sim.send("POST", path, alarm(id));
    CHECK(second.text("id") != first.text("id"));
    CHECK(second.text("count") == "1");
}

TEST_CASE("alarms: one that is made active again takes part again", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    const auto first = sim.send("POST", path, alarm(id));
    const auto target = path + ("/" + first.text("id"));
    REQUIRE(sim.send("PUT", target, R"({"status":"CLEARED"})").status == 200);
    REQUIRE(sim.send("PUT", target, R"({"status":"ACTIVE"})").status == 200);
    CHECK(sim.send("POST", path, alarm(id)).text("id") == first.text("id"));
    REQUIRE(sim.send("DELETE", path).status == 204);
    CHECK(sim.send("POST", path, alarm(id)).text("count") == "1");
}

TEST_CASE("alarms: a device in maintenance raises none", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    REQUIRE(sim.send("PUT", "/inventory/managedObjects/" + id, R"({"c8y_RequiredAvailability":{"responseInterval":0}})")
                .status == 200);
    const auto got = sim.send("POST", path, alarm(id));
    CHECK(got.status == 201);
    CHECK(got.text("self") == "http://sim.example.com/alarm/alarms/null");
    CHECK(sim.send("GET", path).count("alarms") == 0);
}

TEST_CASE("alarms: what is missing or wrong is 422", "[platform][D.5]") {
    simulation sim;
    const auto id = sim.device();
    const auto source = R"({"source":{"id":")" + id + R"("},)";
    const auto [body, word] = GENERATE_COPY(table<std::string, std::string>({
        {alarm("99"), "source"},
        {R"({"type":"t","text":"x","severity":"MAJOR","time":"2026-02-03T10:15:30Z"})", "source"},
        {source + R"("text":"x","severity":"MAJOR","time":"2026-02-03T10:15:30Z"})", "type"},
        {source + R"("type":"t","severity":"MAJOR","time":"2026-02-03T10:15:30Z"})", "text"},
        {source + R"("type":"t","text":"x","time":"2026-02-03T10:15:30Z"})", "severity"},
        {source + R"("type":"t","text":"x","severity":"MAJOR"})", "time"},
        {alarm(id, "t", "2026-02-03T10:15:30Z", "BAD"), "BAD"},
        {source + R"("type":"t","text":"x","severity":"MAJOR","status":"GONE","time":"2026-02-03T10:15:30Z"})", "GONE"},
    }));
    const auto got = sim.send("POST", path, body);
    check_error(got, 422, "undefined/validationError");
    CHECK_THAT(got.text("message"), Catch::Contains(word));
    check_error(sim.send("POST", path, alarm(id), {{"X-Cumulocity-Processing-Mode", "CEP"}}), 422,
                "undefined/validationError");
}

TEST_CASE("alarms: PUT changes text, status, severity and fragments, nothing else", "[platform][D.5]") {
    simulation sim;
    const auto made = sim.send("POST", path, alarm(sim.device()));
    const auto target = path + ("/" + made.text("id"));
    const auto put = sim.send("PUT", target, R"({"text":"new","severity":"minor","acme":{"a":1}})");
    CHECK(put.text("text") == "new");
    CHECK(put.text("severity") == "MINOR");
    CHECK(put.text("acme.a") == "1");
    for (const auto key : {"id", "type", "time", "source", "count", "creationTime"})
        check_error(sim.send("PUT", target, std::string("{\"") + key + "\":\"x\"}"), 422, "undefined/validationError");
    check_error(sim.send("PUT", target, R"({"status":"x"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", path + std::string("/77"), R"({"status":"CLEARED"})"), 404, "alarm/Not Found");
    check_error(sim.send("GET", path + std::string("/77")), 404, "alarm/Not Found");
}

TEST_CASE("alarms: filters, count, clearing and removing by query", "[platform][D.5]") {
    simulation sim;
    const auto a = sim.device("a");
    const auto b = sim.device("b");
    REQUIRE(sim.send("POST", path, alarm(a, "hot", "2026-02-03T10:00:00Z")).status == 201);
    REQUIRE(sim.send("POST", path, alarm(a, "low", "2026-02-03T11:00:00Z", "MINOR")).status == 201);
    REQUIRE(sim.send("POST", path, alarm(b, "hot", "2026-02-03T12:00:00Z", "CRITICAL")).status == 201);
    const auto found = [&](const std::string& query) { return sim.send("GET", path + query).count("alarms"); };
    CHECK(found("?source=" + a) == 2);
    CHECK(found("?type=hot,low&source=" + a) == 2);
    CHECK(found("?severity=MINOR,critical") == 2);
    CHECK(found("?status=ACTIVE,ACKNOWLEDGED") == 3);
    CHECK(found("?resolved=true") == 0);
    CHECK(found("?resolved=false") == 3);
    CHECK(found("?dateFrom=2026-02-03T10:30:00Z") == 2);
    CHECK(sim.send("GET", path + std::string("?pageSize=1")).body.find("T12:00:00Z") != std::string::npos);
    CHECK(sim.send("GET", path + std::string("/count?severity=MAJOR")).body == "1");
    check_error(sim.send("GET", path + std::string("?status=BAD")), 422, "undefined/validationError");

    CHECK(sim.send("PUT", path + ("?source=" + a + "&status=ACTIVE"), R"({"status":"CLEARED"})").status == 200);
    CHECK(found("?resolved=true") == 2);
    check_error(sim.send("PUT", path + ("?source=" + a), R"({"text":"x"})"), 422, "undefined/validationError");
    CHECK(sim.send("DELETE", path + std::string("?resolved=true")).status == 204);
    CHECK(found("") == 1);
}

TEST_CASE("alarms: bulk calls need the role, single ones owner or role", "[platform][D.5]") {
    simulation sim;
    const auto foreign = sim.device();
    sim.as_device();
    check_error(sim.send("POST", path, alarm(foreign)), 403, "security/Forbidden");
    CHECK(sim.send("POST", path, alarm(sim.device("own"))).status == 201);
    check_error(sim.send("PUT", path, R"({"status":"CLEARED"})"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", path), 403, "security/Forbidden");
}
