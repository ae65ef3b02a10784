#include "tests/unit/broker/admin/admin_fixture.hpp"

using admin_fixture::door;

namespace {

struct answer {
    std::optional<broker::admin::access> admitted;
    net::http_response refusal;
};

answer knock(door& at, const std::string& authorization, const std::string& from = "192.0.2.1:4000") {
    answer result;
    auto request = door::request("GET", "/clients", authorization);
    request.remote_address = from;
    result.admitted = at.run(at.gate.admit(request, result.refusal));
    return result;
}

} // namespace

TEST_CASE("gatekeeper: an administrator sees the own tenant", "[admin]") {
    door at;
    const auto in = knock(at, door::basic("t1/admin:right"));
    REQUIRE(in.admitted);
    CHECK_FALSE(in.admitted->all);
    CHECK(in.admitted->may_see("t1"));
    CHECK_FALSE(in.admitted->may_see("t2"));
    CHECK_FALSE(in.admitted->may_see(""));
    CHECK(in.admitted->who == "t1/admin");
    CHECK(at.gate.counters().admitted == 1);
}

TEST_CASE("gatekeeper: others are refused in the platform's form", "[admin]") {
    door at;
    const auto role = knock(at, door::basic("t1/device:right"));
    CHECK_FALSE(role.admitted);
    CHECK(role.refusal.status == 403);
    CHECK(role.refusal.body ==
          R"({"error":"security/Forbidden","message":"Access is denied. The user needs the role ROLE_TENANT_ADMIN."})");
    const auto wrong = knock(at, door::basic("t1/admin:wrong"));
    CHECK(wrong.refusal.status == 401);
    CHECK(wrong.refusal.body ==
          R"({"error":"security/Unauthorized","message":"Invalid credentials! : Bad credentials"})");
    CHECK_FALSE(wrong.refusal.headers.get("WWW-Authenticate").empty());
    for (const char* header : {"", "Basic", "Basic !!", "Negotiate x", "Basic YWRtaW46cmlnaHQ="}) { // no tenant
        INFO(header);
        CHECK(knock(at, header).refusal.status == 401);
    }
    at.users.broken = true;
    CHECK(knock(at, door::basic("t1/admin:right")).refusal.status == 503);
    CHECK(at.gate.counters().admitted == 0);
    CHECK(at.gate.counters().forbidden == 1);
    CHECK(at.gate.counters().unauthorized == 6);
    CHECK(at.gate.counters().unavailable == 1);
}

TEST_CASE("gatekeeper: the operator token opens all, and can be replaced while running", "[admin]") {
    door at;
    const auto in = knock(at, door::bearer());
    REQUIRE(in.admitted);
    CHECK(in.admitted->all);
    CHECK(in.admitted->may_see("anything"));
    CHECK(knock(at, "Bearer " + admin_fixture::operator_token + "x").refusal.status == 401);
    CHECK(knock(at, "Bearer ").refusal.status == 401);
    at.write_token("another-token-0123456789");
    CHECK(knock(at, door::bearer()).refusal.status == 401);
    CHECK(knock(at, "Bearer another-token-0123456789").admitted);
}

TEST_CASE("gatekeeper: a short, empty or missing token is none", "[admin]") {
    door at;
    at.write_token("short");
    CHECK(knock(at, "Bearer short").refusal.status == 401);
    at.write_token("");
    CHECK(knock(at, "Bearer ").refusal.status == 401);
    std::string why;
    CHECK(broker::admin::gatekeeper::read_token(at.directory.file("none"), why).empty());
    CHECK_THAT(why, Catch::Contains("cannot read"));
    broker::admin::gatekeeper without(at.guard, "");
    net::http_response refusal;
    const auto request = door::request("GET", "/clients", "Bearer ");
    CHECK_FALSE(at.run(without.admit(request, refusal)));
    CHECK(refusal.status == 401);
}

TEST_CASE("gatekeeper: who guesses is refused unseen after some failures, with the time to wait", "[admin][throttle]") {
    door at;
    for (int i = 0; i < 6; ++i)
        CHECK(knock(at, door::basic("t1/admin:wrong" + std::to_string(i))).refusal.status == 401);
    const auto refused = knock(at, door::basic("t1/admin:right"));
    CHECK_FALSE(refused.admitted);
    CHECK(refused.refusal.status == 429);
    CHECK(refused.refusal.body ==
          R"({"error":"security/Too Many Requests","message":"too many failed logins; try again later"})");
    CHECK(refused.refusal.headers.get("Retry-After") == "1");
    CHECK(knock(at, door::basic("t2/admin:right")).admitted); // another user
    CHECK(at.gate.counters().throttled == 1);
    at.time.advance(std::chrono::seconds(1));
    CHECK(knock(at, door::basic("t1/admin:right")).admitted);
}

TEST_CASE("gatekeeper: wrong operator tokens count for their address", "[admin][throttle]") {
    door at;
    for (int i = 0; i < 51; ++i) CHECK(knock(at, "Bearer wrong" + std::to_string(i)).refusal.status == 401);
    CHECK(knock(at, door::bearer()).refusal.status == 429);
    CHECK(knock(at, door::basic("t1/admin:right")).refusal.status == 429);
    CHECK(knock(at, door::bearer(), "192.0.2.2:4000").admitted);
    at.time.advance(std::chrono::seconds(1));
    CHECK(knock(at, door::bearer()).admitted);
}
