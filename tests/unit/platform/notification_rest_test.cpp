#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

constexpr auto path = "/notification2/subscriptions";

std::string subscription(const std::string& source, const std::string& name = "mapperOut") {
    return R"({"context":"mo","source":{"id":")" + source + R"("},"subscription":")" + name + "\"}";
}

std::string token(simulation& sim, const std::string& more = "") {
    return sim.send("POST", "/notification2/token", R"({"subscriber":"s1","subscription":"mapperOut")" + more + "}")
        .text("token");
}

} // namespace

TEST_CASE("notification2: a subscription is answered with its source", "[platform][C.2]") {
    simulation sim;
    const auto id = sim.device("Pump 3");
    const auto made = sim.send(
        "POST", path,
        R"({"context":"mo","source":{"id":")" + id +
            R"("},"subscription":"mapperOut","nonPersistent":false,"subscriptionFilter":{"apis":["operations","alarms"],)"
            R"("typeFilter":"'a' or 'b'"},"fragmentsToCopy":["c8y_Command"]})");
    CHECK(made.status == 201);
    CHECK(made.location == "http://sim.example.com/notification2/subscriptions/" + made.text("id"));
    CHECK(made.text("source.name") == "Pump 3");
    CHECK(made.text("subscriptionFilter.typeFilter") == "'a' or 'b'");
    CHECK(made.text("fragmentsToCopy") == R"(["c8y_Command"])");
    CHECK(made.text("nonPersistent") == "false");
    CHECK(sim.send("GET", path + ("/" + made.text("id"))).body == made.body);
}

TEST_CASE("notification2: source, context and name are unique: 409", "[platform][C.2]") {
    simulation sim;
    const auto id = sim.device();
    REQUIRE(sim.send("POST", path, subscription(id)).status == 201);
    const auto again = sim.send("POST", path, subscription(id));
    check_error(again, 409, "reliable-notification/Duplicate");
    CHECK(again.text("message") ==
          "Subscription with source <'" + id + "'>, context <'mo'> & subscription <'mapperOut'> already exists!");
    CHECK(sim.send("POST", path, subscription(id, "other")).status == 201);
}

TEST_CASE("notification2: an unknown source is 404", "[platform][C.2]") {
    simulation sim;
    check_error(sim.send("POST", path, subscription("77")), 404, "reliable-notification/Not Found");
}

TEST_CASE("notification2: invalid subscriptions are 422", "[platform][C.2]") {
    simulation sim;
    const auto id = sim.device();
    const std::string mo = R"({"context":"mo","source":{"id":")" + id + R"("},"subscription":"s",)";
    const std::string tenant = R"({"context":"tenant","subscription":"s",)";
    const auto body = GENERATE_COPY(values<std::string>({
        "{}",
        R"({"context":"all","subscription":"s"})",
        R"({"context":"mo","subscription":"s"})",
        R"({"context":"mo","source":{"id":")" + id + R"("}})",
        R"({"context":"tenant","source":{"id":"1"},"subscription":"s"})",
        mo + R"("nonPersistent":"yes"})",
        mo + R"("subscriptionFilter":[]})",
        mo + R"("subscriptionFilter":{"apis":"alarms"}})",
        mo + R"("subscriptionFilter":{"apis":["alarm"]}})",
        mo + R"("subscriptionFilter":{"apis":["*","alarms"]}})",
        mo + R"("subscriptionFilter":{"typeFilter":""}})",
        mo + R"("fragmentsToCopy":"x"})",
        tenant + R"("subscriptionFilter":{"apis":["measurements"]}})",
        tenant + R"("subscriptionFilter":{"apis":["alarmsWithChildren"]}})",
        tenant + R"("subscriptionFilter":{"apis":["events"]}})",
    }));
    INFO(body);
    check_error(sim.send("POST", path, body), 422, "undefined/validationError");
}

TEST_CASE("notification2: the role is needed for everything but unsubscribe", "[platform][C.2]") {
    simulation sim;
    sim.as_device();
    const auto [method, target] = GENERATE(table<std::string, std::string>({
        {"POST", path},
        {"GET", path},
        {"DELETE", path},
        {"GET", "/notification2/subscriptions/1"},
        {"DELETE", "/notification2/subscriptions/1"},
        {"POST", "/notification2/token"},
        {"GET", "/notification2/token"},
        {"GET", "/notification2"},
    }));
    check_error(sim.send(method, target, "{}"), 403, "security/Forbidden");
    sim.as("t0815/device1", "wrong");
    check_error(sim.send(method, target, "{}"), 401, "security/Unauthorized");
}

TEST_CASE("notification2: list and remove", "[platform][C.2]") {
    simulation sim;
    const auto a = sim.device("a");
    const auto b = sim.device("b");
    REQUIRE(sim.send("POST", path, subscription(a, "x")).status == 201);
    REQUIRE(sim.send("POST", path, subscription(a, "y")).status == 201);
    REQUIRE(sim.send("POST", path, subscription(b, "x")).status == 201);
    REQUIRE(sim.send("POST", path, R"({"context":"tenant","subscription":"t"})").status == 201);
    const auto found = [&](const std::string& query) { return sim.send("GET", path + query).count("subscriptions"); };
    CHECK(found("") == 4);
    CHECK(found("?context=mo&source=" + a) == 2);
    CHECK(found("?subscription=x") == 2);
    CHECK(found("?context=tenant") == 1);
    check_error(sim.send("DELETE", path), 422, "undefined/validationError");
    check_error(sim.send("DELETE", path + std::string("?context=all")), 422, "undefined/validationError");
    CHECK(sim.send("DELETE", path + ("?source=" + a)).status == 204);
    CHECK(found("") == 2);
    CHECK(sim.send("DELETE", path + std::string("?context=tenant")).status == 204);
    const auto left = sim.send("GET", path).json().at("subscriptions").at(0).at("id").as_string();
    CHECK(sim.send("DELETE", path + ("/" + std::string(left))).status == 204);
    check_error(sim.send("DELETE", path + ("/" + std::string(left))), 404, "reliable-notification/Not Found");
    check_error(sim.send("GET", path + ("/" + std::string(left))), 404, "reliable-notification/Not Found");
}

TEST_CASE("notification2: a token carries the claims", "[platform][C.4]") {
    simulation sim;
    const auto made = token(sim, R"(,"expiresInMinutes":2,"shared":true)");
    const auto first_dot = made.find('.');
    CHECK(net::base64_decode(made.substr(0, first_dot), net::base64_alphabet::url) == R"({"alg":"RS256"})");
    const auto claims = sim.send("GET", "/notification2/token?token=" + made);
    CHECK(claims.status == 200);
    CHECK(claims.text("sub") == "s1");
    CHECK(claims.text("topic") == "t0815/relnotif/mapperOut");
    CHECK(claims.text("iat") == "1767225600");
    CHECK(claims.text("exp") == "1767225720");
    CHECK(claims.text("shared") == "true");
    CHECK(claims.text("volatile") == "(absent)");
    CHECK(claims.text("jti").size() == 36);
}

TEST_CASE("notification2: token requests that are wrong", "[platform][C.3]") {
    simulation sim;
    const auto body = GENERATE(values<std::string>({
        R"({"subscription":"s"})",
        R"({"subscriber":"s"})",
        R"({"subscriber":"  ","subscription":"s"})",
        R"({"subscriber":"a","subscription":"s","expiresInMinutes":0})",
        R"({"subscriber":"a","subscription":"s","expiresInMinutes":"5"})",
        R"({"subscriber":"a","subscription":"s","shared":"true"})",
        R"({"subscriber":"a","subscription":"s","type":"mqtt"})",
    }));
    INFO(body);
    check_error(sim.send("POST", "/notification2/token", body), 422, "undefined/validationError");
}

TEST_CASE("notification2: only good tokens admit", "[platform][C.7]") {
    simulation sim;
    const auto admit = [&](const std::string& text) {
        const auto got =
            sim.platform.admit_consumer(sim.request("GET", "/notification2/consumer/?token=" + text, "", {}));
        return got.refusal ? got.refusal->status : 101u;
    };
    const auto good = token(sim, R"(,"expiresInMinutes":1)");
    CHECK(admit(good) == 101);
    CHECK(admit("") == 401);
    CHECK(admit("a.b.c") == 401);
    auto broken = good;
    broken[good.find('.') + 5] = broken[good.find('.') + 5] == 'A' ? 'B' : 'A';
    CHECK(admit(broken) == 401);
    CHECK(admit(good.substr(0, good.rfind('.') + 1)) == 401); // unsigned, not ours
    CHECK(admit(token(sim, R"(,"signed":false)")) == 101);
    sim.clock.jump_wall(std::chrono::minutes(1));
    CHECK(admit(good) == 401);
}

TEST_CASE("notification2: unsubscribe says DONE", "[platform][C.5]") {
    simulation sim;
    const auto good = token(sim);
    sim.as_device(); // no role is listed
    CHECK(sim.send("POST", "/notification2/unsubscribe?token=" + good).body == R"({"result":"DONE"})");
    check_error(sim.send("POST", "/notification2/unsubscribe?token=x"), 422,
                "reliable-notification/Unprocessable Entity");
    sim.as("nobody", "x");
    check_error(sim.send("POST", "/notification2/unsubscribe?token=" + good), 401, "security/Unauthorized");
}
