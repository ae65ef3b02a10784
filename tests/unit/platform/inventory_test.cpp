#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto collection = "/inventory/managedObjects";

std::string create(simulation& sim, const std::string& body) {
    const auto made = sim.send("POST", collection, body);
    REQUIRE(made.status == 201);
    return made.text("id");
}

} // namespace

TEST_CASE("inventory: POST answers 201 with Location and the object", "[platform][D.2]") {
    simulation sim;
    const auto made = sim.send(
        "POST", collection, R"({"id":"1","owner":"me","name":"dev-7","type":"acme_Sensor","c8y_IsDevice":{},"v":1.5})");
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/inventory/managedObjects/1001");
    CHECK(made.text("id") == "1001");
    CHECK(made.text("self") == made.location);
    CHECK(made.text("owner") == "admin"); // read-only
    CHECK(made.text("creationTime") == "2026-01-01T00:00:00.000Z");
    CHECK(made.text("lastUpdated") == "2026-01-01T00:00:00.000Z");
    CHECK(made.text("v") == "1.5");
    CHECK(made.text("childDevices.references") == "[]");
    CHECK(made.text("deviceParents.self") == made.location + "/deviceParents");
}

TEST_CASE("inventory: without Accept the answer has no body", "[platform][D.1]") {
    simulation sim;
    const auto made = sim.send("POST", collection, R"({"name":"a"})", {{"Accept", ""}});
    CHECK(made.status == 201);
    CHECK(made.body.empty());
    CHECK_FALSE(made.location.empty());
    const auto put = sim.send("PUT", std::string(collection) + "/1001", R"({"name":"b"})", {{"Accept", ""}});
    CHECK(put.status == 200);
    CHECK(put.body.empty());
    const auto got = sim.send("GET", std::string(collection) + "/1001", "", {{"Accept", ""}});
    CHECK(got.text("name") == "b");
    CHECK(got.content_type == "application/vnd.com.nsn.cumulocity.managedObject+json;charset=UTF-8;ver=0.9");
}

TEST_CASE("inventory: malformed bodies are 400, wrong values 422", "[platform][D.2]") {
    simulation sim;
    check_error(sim.send("POST", collection, "{"), 400, "inventory/Bad Request");
    check_error(sim.send("POST", collection, "[]"), 400, "inventory/Bad Request");
    check_error(sim.send("POST", collection, R"({"name":7})"), 422, "undefined/validationError");
    check_error(sim.send("POST", collection, "{}", {{"X-Cumulocity-Processing-Mode", "SLOW"}}), 422,
                "undefined/validationError");
}

TEST_CASE("inventory: PUT merges, null removes, an empty body is a heartbeat", "[platform][D.1]") {
    simulation sim;
    const auto id = create(sim, R"({"name":"a","x":{"old":1},"y":2})");
    const auto target = std::string(collection) + "/" + id;
    sim.clock.jump_wall(std::chrono::seconds(1));
    const auto put = sim.send("PUT", target, R"({"x":{"new":2},"y":null})");
    CHECK(put.status == 200);
    CHECK(put.text("x") == R"({"new":2})");
    CHECK(put.text("y") == "(absent)");
    CHECK(put.text("name") == "a");
    CHECK(put.text("lastUpdated") == "2026-01-01T00:00:01.000Z");
    const auto beat = sim.send("PUT", target, "{}");
    CHECK(beat.text("id") == id);
    CHECK(beat.text("name") == "(absent)");
    CHECK(sim.send("PUT", target, R"({"id":")" + id + R"("})").text("name") == "(absent)");
}

TEST_CASE("inventory: what does not exist is 404 for every method", "[platform][D.2]") {
    simulation sim;
    const auto method = GENERATE(as<std::string>{}, "GET", "PUT", "DELETE");
    const auto got = sim.send(method, "/inventory/managedObjects/4711", "{}");
    check_error(got, 404, "inventory/Not Found");
    CHECK(got.text("message") == "Finding device data from database failed : No managedObject for id '4711'!");
}

TEST_CASE("inventory: DELETE removes the object and its external IDs", "[platform][D.2]") {
    simulation sim;
    const auto id = sim.device();
    REQUIRE(sim.send("POST", "/identity/globalIds/" + id + "/externalIds", R"({"type":"s","externalId":"x"})").status ==
            201);
    CHECK(sim.send("DELETE", "/inventory/managedObjects/" + id).status == 204);
    CHECK(sim.send("GET", "/inventory/managedObjects/" + id).status == 404);
    CHECK(sim.send("GET", "/identity/externalIds/s/x").status == 404);
}

TEST_CASE("inventory: roles and ownership", "[platform][D.2]") {
    simulation sim;
    const auto foreign = sim.device();
    sim.as("t0815/reader", "reader-secret");
    check_error(sim.send("POST", collection, "{}"), 403, "security/Forbidden");
    CHECK(sim.send("GET", std::string(collection) + "/" + foreign).status == 200);
    check_error(sim.send("PUT", std::string(collection) + "/" + foreign, R"({"a":1})"), 403, "security/Forbidden");
    sim.as_device();
    const auto own = create(sim, R"({"name":"mine"})");
    CHECK(sim.send("PUT", std::string(collection) + "/" + own, R"({"a":1})").status == 200);
    check_error(sim.send("GET", std::string(collection) + "/" + foreign), 403, "security/Forbidden");
    check_error(sim.send("DELETE", std::string(collection) + "/" + foreign), 403, "security/Forbidden");
    CHECK(sim.send("GET", collection).count("managedObjects") == 1);
}

TEST_CASE("inventory: list filters", "[platform][D.2]") {
    simulation sim;
    const auto a = create(sim, R"({"name":"pump one","type":"pump","c8y_IsDevice":{},"level":5})");
    const auto b = create(sim, R"({"name":"door","type":"door","c8y_IsDevice":{},"level":50})");
    create(sim, R"({"name":"group","type":"pump"})");
    const auto found = [&](const std::string& query) {
        return sim.send("GET", collection + query).count("managedObjects");
    };
    CHECK(found("") == 3);
    CHECK(found("?type=pump") == 2);
    CHECK(found("?fragmentType=c8y_IsDevice") == 2);
    CHECK(found("?type=pump&fragmentType=c8y_IsDevice") == 1);
    CHECK(found("?owner=admin") == 3);
    CHECK(found("?owner=nobody") == 0);
    CHECK(found("?text=pump%20o") == 1);
    CHECK(found("?ids=" + a + "," + b) == 2);
    CHECK(found("?query=type%20eq%20%27pump%27") == 2);
    CHECK(found("?query=$filter=(name%20eq%20%27p*%27%20and%20has(c8y_IsDevice))") == 1);
    CHECK(found("?query=level%20gt%2010d%20or%20name%20eq%20%27group%27") == 2);
    CHECK(found("?query=not(level%20le%2050)") == 1);
    CHECK(found("?query=creationTime.date%20lt%20%272026-01-02%27") == 3);
    CHECK(found("?q=type%20eq%20%27pump%27") == 1);      // devices only
    CHECK(found("?query=has(level)&type=nothing") == 2); // type does not count beside query
}

TEST_CASE("inventory: queries that are not understood are refused by name", "[platform][D.2]") {
    simulation sim;
    const auto query = GENERATE(as<std::string>{}, "name", "name%20eq", "name%20eq%20%27x", "(name%20eq%20%27x%27",
                                "bygroupid(1)", "$orderby=name", "name%20is%20%27x%27", "name%20eq%20%27x%27%20huh");
    check_error(sim.send("GET", collection + ("?query=" + query)), 422, "undefined/validationError");
}

TEST_CASE("inventory: paging, statistics and links", "[platform][D.1]") {
    simulation sim;
    for (int i = 0; i < 12; ++i) sim.device("d" + std::to_string(i));
    const auto first = sim.send("GET", collection);
    CHECK(first.count("managedObjects") == 5);
    CHECK(first.text("statistics") == R"({"currentPage":1,"pageSize":5})");
    CHECK(first.text("next").find("currentPage=2") != std::string::npos);
    CHECK(first.text("prev") == "(absent)");
    const auto last = sim.send(
        "GET",
        "/inventory/managedObjects?pageSize=5&currentPage=3&withTotalPages=true&withTotalElements=true&owner=admin");
    CHECK(last.count("managedObjects") == 2);
    CHECK(last.text("statistics") == R"({"currentPage":3,"pageSize":5,"totalPages":3,"totalElements":12})");
    CHECK(last.text("next") == "(absent)");
    CHECK(last.text("prev") == "http://sim.example.com/inventory/managedObjects?withTotalPages=true&"
                               "withTotalElements=true&owner=admin&pageSize=5&currentPage=2");
    CHECK(sim.send("GET", "/inventory/managedObjects?pageSize=5000").text("statistics.pageSize") == "2000");
    CHECK(sim.send("GET", "/inventory/managedObjects?currentPage=18446744073709551615").count("managedObjects") == 0);
    check_error(sim.send("GET", "/inventory/managedObjects?pageSize=0"), 422, "undefined/validationError");
    check_error(sim.send("GET", "/inventory/managedObjects?currentPage=x"), 422, "undefined/validationError");
}

TEST_CASE("inventory: child references", "[platform][D.2]") {
    simulation sim;
    const auto parent = sim.device("parent");
    const auto child = sim.device("child");
    const auto target = "/inventory/managedObjects/" + parent + "/childDevices";
    const auto made = sim.send("POST", target, R"({"managedObject":{"id":")" + child + R"("}})",
                               {{"Content-Type", "application/vnd.com.nsn.cumulocity.managedobjectreference+json"}});
    CHECK(made.status == 201);
    CHECK(made.location.ends_with("/childDevices/" + child));
    CHECK(sim.send("GET", target).count("references") == 1);
    CHECK(sim.send("GET", "/inventory/managedObjects/" + child).text("deviceParents.references").find(parent) !=
          std::string::npos);
    CHECK(sim.send("GET", "/inventory/managedObjects?onlyRoots=true").count("managedObjects") == 1);
    check_error(sim.send("POST", target, R"({"managedObject":{"id":"1"}})"), 404, "inventory/Not Found");
    const auto inner = sim.send("POST", target, R"({"name":"new"})",
                                {{"Content-Type", "application/vnd.com.nsn.cumulocity.managedobject+json"}});
    CHECK(inner.status == 201);
    CHECK(sim.send("GET", target).count("references") == 2);
    CHECK(sim.send("DELETE", target + "/" + child).status == 204);
    check_error(sim.send("DELETE", target + "/" + child), 404, "inventory/Not Found");
    CHECK(sim.send("GET", "/inventory/managedObjects/" + child).status == 200); // the child stays
    CHECK(sim.send("DELETE", "/inventory/managedObjects/" + parent + "?cascade=true").status == 204);
    CHECK(sim.send("GET", "/inventory/managedObjects").count("managedObjects") == 1);
}
