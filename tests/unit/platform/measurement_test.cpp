#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto path = "/measurement/measurements";
const test::headers as_collection{
    {"Content-Type", "application/vnd.com.nsn.cumulocity.measurementCollection+json;ver=0.9"}};

std::string reading(const std::string& source, const std::string& time = "2026-02-03T10:15:30.000Z",
                    const std::string& value = "21.5") {
    return R"({"source":{"id":")" + source + R"("},"time":")" + time +
           R"(","type":"acme_Env","acme_Env":{"T":{"value":)" + value + R"(,"unit":"C"}}})";
}

} // namespace

TEST_CASE("measurements: a single one is answered whole", "[platform][D.4]") {
    simulation sim;
    const auto id = sim.device();
    const auto made = sim.send("POST", path, reading(id));
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/measurement/measurements/1002");
    CHECK(made.body ==
          R"({"id":"1002","self":"http://sim.example.com/measurement/measurements/1002","source":{"id":"1001",)"
          R"("self":"http://sim.example.com/inventory/managedObjects/1001"},"time":"2026-02-03T10:15:30.000Z",)"
          R"("type":"acme_Env","acme_Env":{"T":{"value":21.5,"unit":"C"}}})");
    CHECK(sim.send("GET", "/measurement/measurements/1002").body == made.body);
    CHECK(sim.send("POST", path, reading(id), {{"Accept", ""}}).body.empty());
}

TEST_CASE("measurements: the content type makes a collection", "[platform][D.4]") {
    simulation sim;
    const auto id = sim.device();
    const auto body = R"({"measurements":[)" + reading(id) + "," + reading(id) + "]}";
    const auto made = sim.send("POST", path, body, as_collection);
    CHECK(made.status == 201);
    CHECK(made.count("measurements") == 2);
    check_error(sim.send("POST", path, body), 422, "undefined/validationError"); // a single one must not look like this
    check_error(sim.send("POST", path, reading(id), as_collection), 422, "undefined/validationError");
    CHECK(sim.send("POST", path, R"({"measurements":[]})", as_collection).status == 201);
}

TEST_CASE("measurements: one wrong element refuses all", "[platform][D.4]") {
    simulation sim;
    const auto id = sim.device();
    check_error(sim.send("POST", path, R"({"measurements":[)" + reading(id) + R"(,{"type":"x"}]})", as_collection), 422,
                "undefined/validationError");
    check_error(
        sim.send("POST", path, R"({"measurements":[)" + reading(id) + "," + reading("99") + "]}", as_collection), 422,
        "undefined/validationError");
    CHECK(sim.send("GET", path).count("measurements") == 0);
}

TEST_CASE("measurements: what is missing or wrong is 422 and said", "[platform][D.4]") {
    simulation sim;
    const auto id = sim.device();
    const std::string head = R"({"source":{"id":")" + id + R"("},"time":"2026-02-03T10:15:30Z","type":"t")";
    const auto [body, word] = GENERATE_COPY(table<std::string, std::string>({
        {R"({"time":"2026-02-03T10:15:30Z","type":"t"})", "source"},
        {R"({"source":{},"time":"2026-02-03T10:15:30Z","type":"t"})", "source.id"},
        {R"({"source":{"id":4711},"time":"2026-02-03T10:15:30Z","type":"t"})", "source.id"},
        {R"({"source":{"id":"x"},"time":"2026-02-03T10:15:30Z","type":"t"})", "'x'"},
        {R"({"source":{"id":")" + id + R"("},"type":"t"})", "time"},
        {R"({"source":{"id":")" + id + R"("},"time":"yesterday","type":"t"})", "yesterday"},
        {R"({"source":{"id":")" + id + R"("},"time":"2026-02-03T10:15:30Z"})", "type"},
        {R"({"source":{"id":")" + id + R"("},"time":"2026-02-03T10:15:30Z","type":""})", "type"},
        {head + R"(,"f":7})", "'f'"},
        {head + R"(,"f":{"s":7}})", "'s'"},
        {head + R"(,"f":{"s":{"unit":"C"}}})", "s.value"},
        {head + R"(,"f":{"s":{"value":"7"}}})", "'s'"},
        {head + R"(,"f":{"s":{"value":7,"unit":1}}})", "unit"},
        {head + R"(,"f x":{"s":{"value":7}}})", "'f x'"},
        {head + R"(,"f":{"s.t":{"value":7}}})", "'s.t'"},
        {head + R"(,"f":{"$s":{"value":7}}})", "'$s'"},
        {head + R"(,"f\"g":{"s":{"value":7}}})", "f\"g"},
    }));
    const auto got = sim.send("POST", path, body);
    check_error(got, 422, "undefined/validationError");
    CHECK_THAT(got.text("message"), Catch::Contains(word));
}

TEST_CASE("measurements: malformed JSON is 400", "[platform][D.4]") {
    simulation sim;
    check_error(sim.send("POST", path, ""), 400, "measurement/Bad Request");
    check_error(sim.send("POST", path, R"({"a":1,})"), 400, "measurement/Bad Request");
}

TEST_CASE("measurements: filters and order", "[platform][D.4]") {
    simulation sim;
    const auto a = sim.device("a");
    const auto b = sim.device("b");
    for (const auto hour : {"12", "10", "11"})
        REQUIRE(sim.send("POST", path, reading(a, std::string("2026-02-03T") + hour + ":00:00Z", hour)).status == 201);
    REQUIRE(sim.send("POST", path, reading(b, "2026-02-04T00:00:00+01:00")).status == 201);
    const auto found = [&](const std::string& query) { return sim.send("GET", path + query); };
    CHECK(found("?source=" + a).count("measurements") == 3);
    CHECK(found("?source=1").count("measurements") == 0);
    CHECK(found("?type=acme_Env").count("measurements") == 4);
    CHECK(found("?type=other").count("measurements") == 0);
    CHECK(found("?dateFrom=2026-02-03T11:00:00Z&dateTo=2026-02-03T12:00:00Z").count("measurements") == 2);
    CHECK(found("?dateFrom=2026-02-03T23:00:00Z").count("measurements") == 1);
    CHECK(found("?valueFragmentType=acme_Env&valueFragmentSeries=T").count("measurements") == 4);
    CHECK(found("?valueFragmentSeries=H").count("measurements") == 0);
    CHECK(found("?pageSize=1").body.find("T10:00:00Z") != std::string::npos); // oldest first
    CHECK(found("?pageSize=1&revert=true").body.find("2026-02-04") != std::string::npos);
    check_error(found("?dateFrom=x"), 422, "undefined/validationError");
}

TEST_CASE("measurements: DELETE by ID and by query", "[platform][D.4]") {
    simulation sim;
    const auto a = sim.device("a");
    const auto made = sim.send("POST", path, reading(a));
    REQUIRE(sim.send("POST", path, reading(a)).status == 201);
    CHECK(sim.send("DELETE", path + ("/" + made.text("id"))).status == 204);
    check_error(sim.send("DELETE", path + ("/" + made.text("id"))), 404, "measurement/Not Found");
    check_error(sim.send("GET", path + ("/" + made.text("id"))), 404, "measurement/Not Found");
    CHECK(sim.send("DELETE", path + ("?source=" + a)).status == 204);
    CHECK(sim.send("GET", path).count("measurements") == 0);
}

TEST_CASE("measurements: owner or role", "[platform][D.4]") {
    simulation sim;
    const auto foreign = sim.device();
    sim.as_device();
    check_error(sim.send("POST", path, reading(foreign)), 403, "security/Forbidden");
    const auto own = sim.device("own");
    CHECK(sim.send("POST", path, reading(own)).status == 201);
    CHECK(sim.send("GET", path).count("measurements") == 1);
    check_error(sim.send("DELETE", path), 403, "security/Forbidden");
}

TEST_CASE("measurements: TRANSIENT and CEP store nothing", "[platform][D.1]") {
    simulation sim;
    const auto id = sim.device();
    const auto mode = GENERATE(as<std::string>{}, "TRANSIENT", "CEP");
    CHECK(sim.send("POST", path, reading(id), {{"X-Cumulocity-Processing-Mode", mode}}).status == 201);
    CHECK(sim.send("GET", path).count("measurements") == 0);
}

TEST_CASE("measurements: the ring keeps the newest, counts go on, duplicates are found", "[platform]") {
    model::store_limits limits;
    limits.measurements_kept_max = 3;
    limits.fingerprints = true;
    simulation sim(limits);
    const auto id = sim.device();
    for (int i = 0; i < 5; ++i)
        REQUIRE(sim.send("POST", path, reading(id, "2026-02-03T10:15:3" + std::to_string(i) + "Z")).status == 201);
    REQUIRE(sim.send("POST", path, reading(id, "2026-02-03T10:15:30Z")).status == 201); // the first again
    const auto stats = sim.send("GET", "/sim/stats");
    CHECK(stats.text("tenants.t0815.measurements") == "6");
    CHECK(stats.text("tenants.t0815.measurementsKept") == "3");
    CHECK(stats.text("tenants.t0815.measurementDuplicates") == "1");
    CHECK(sim.send("GET", path).count("measurements") == 3);
}
