#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto path = "/event/events";

std::string event(const std::string& source, const std::string& time = "2026-02-03T10:15:30.000Z",
                  const std::string& more = "") {
    return R"({"source":{"id":")" + source + R"("},"type":"door","text":"Door opened","time":")" + time + "\"" + more +
           "}";
}

} // namespace

TEST_CASE("events: created, read, changed, removed", "[platform][D.6]") {
    simulation sim;
    const auto id = sim.device();
    const auto made = sim.send("POST", path, event(id, "2026-02-03T10:15:30.000Z", R"(,"acme_Door":{"open":true})"));
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/event/events/" + made.text("id"));
    CHECK(made.text("source.name") == "dev");
    CHECK(made.text("creationTime") == "2026-01-01T00:00:00.000Z");
    CHECK(made.text("time") == "2026-02-03T10:15:30.000Z");
    const auto target = path + ("/" + made.text("id"));
    CHECK(sim.send("GET", target).text("acme_Door.open") == "true");
    const auto put = sim.send("PUT", target, R"({"text":"Door closed","acme_Door":null})");
    CHECK(put.status == 200);
    CHECK(put.text("text") == "Door closed");
    CHECK(put.text("acme_Door") == "(absent)");
    CHECK(sim.send("DELETE", target).status == 204);
    for (const auto method : {"GET", "PUT", "DELETE"})
        check_error(sim.send(method, target, "{}"), 404, "event/Not Found");
}

TEST_CASE("events: only text and custom fragments can be changed", "[platform][D.6]") {
    simulation sim;
    const auto made = sim.send("POST", path, event(sim.device()));
    const auto key = GENERATE(as<std::string>{}, "type", "time", "source", "id", "creationTime");
    check_error(sim.send("PUT", path + ("/" + made.text("id")), "{\"" + key + "\":\"x\"}"), 422,
                "undefined/validationError");
}

TEST_CASE("events: what is missing or wrong is 422", "[platform][D.6]") {
    simulation sim;
    const auto id = sim.device();
    const auto [body, word] = GENERATE_COPY(table<std::string, std::string>({
        {R"({"type":"t","text":"x","time":"2026-02-03T10:15:30Z"})", "source"},
        {event("99"), "source"},
        {R"({"source":{"id":")" + id + R"("},"text":"x","time":"2026-02-03T10:15:30Z"})", "type"},
        {R"({"source":{"id":")" + id + R"("},"type":"t","time":"2026-02-03T10:15:30Z"})", "text"},
        {R"({"source":{"id":")" + id + R"("},"type":"t","text":"x"})", "time"},
        {event(id, "2026-13-03T10:15:30Z"), "time"},
    }));
    const auto got = sim.send("POST", path, body);
    check_error(got, 422, "undefined/validationError");
    CHECK_THAT(got.text("message"), Catch::Contains(word));
}

TEST_CASE("events: filters, newest first", "[platform][D.6]") {
    simulation sim;
    const auto id = sim.device();
    REQUIRE(sim.send("POST", path, event(id, "2026-02-03T10:00:00Z", R"(,"room":"r7")")).status == 201);
    REQUIRE(sim.send("POST", path, event(id, "2026-02-03T12:00:00Z")).status == 201);
    REQUIRE(sim.send("POST", path, event(id, "2026-02-03T11:00:00Z")).status == 201);
    const auto found = [&](const std::string& query) { return sim.send("GET", path + query); };
    CHECK(found("?source=" + id + "&type=door").count("events") == 3);
    CHECK(found("?pageSize=1").body.find("T12:00:00Z") != std::string::npos);
    CHECK(found("?pageSize=1&revert=true").body.find("T10:00:00Z") != std::string::npos);
    CHECK(found("?fragmentType=room").count("events") == 1);
    CHECK(found("?fragmentType=room&fragmentValue=r7").count("events") == 1);
    CHECK(found("?fragmentType=room&fragmentValue=r8").count("events") == 0);
    CHECK(found("?dateFrom=2026-02-03T10:30:00Z&dateTo=2026-02-03T11:30:00Z").count("events") == 1);
    CHECK(found("?createdFrom=2027-01-01").count("events") == 0);
    check_error(found("?dateTo=x"), 422, "undefined/validationError");
    CHECK(sim.send("DELETE", path + std::string("?fragmentType=room")).status == 204);
    CHECK(found("").count("events") == 2);
}

TEST_CASE("events: owner or role", "[platform][D.6]") {
    simulation sim;
    const auto foreign = sim.device();
    sim.as_device();
    check_error(sim.send("POST", path, event(foreign)), 403, "security/Forbidden");
    CHECK(sim.send("POST", path, event(sim.device("own"))).status == 201);
}
