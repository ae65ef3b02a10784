#include "tests/integration/platform/serving.hpp"

using namespace serving;

namespace {

asio::awaitable<void> whole_way(platform& p) {
    const std::string device = co_await p.create("/inventory/managedObjects", R"({"name":"ä device"})");
    auto bound = co_await p.send("POST", "/identity/globalIds/" + device + "/externalIds",
                                 R"({"type":"c8y_Serial","externalId":"a/b"})");
    CHECK(bound.status == 201);
    auto found = co_await p.send("GET", "/identity/externalIds/c8y_Serial/a%2Fb");
    CHECK(found.status == 200);
    CHECK(found.body.find("\"id\":\"" + device + "\"") != std::string::npos);
    auto missing = co_await p.send("GET", "/identity/externalIds/c8y_Serial/other");
    CHECK(missing.status == 404);
    auto listed = co_await p.send("GET", "/inventory/managedObjects?query=name%20eq%20'%C3%A4*'");
    CHECK(listed.body.find("ä device") != std::string::npos);
    auto removed = co_await p.send("DELETE", "/inventory/managedObjects/" + device);
    CHECK(removed.status == 204);
    CHECK(removed.body.empty());
}

asio::awaitable<void> failing(platform& p) {
    auto set = co_await p.send("POST", "/sim/faults", R"({"failShare":1})");
    CHECK(set.status == 200);
    auto failed = co_await p.send("POST", "/inventory/managedObjects", "{}");
    CHECK(failed.status == 500);
    auto calm = co_await p.send("POST", "/sim/faults", R"({"failShare":0})");
    CHECK(calm.status == 200);
    auto listed = co_await p.send("GET", "/inventory/managedObjects");
    CHECK(listed.body.find("\"managedObjects\":[]") != std::string::npos); // the failed one did nothing
}

asio::awaitable<void> throttled(platform& p) {
    auto set = co_await p.send("POST", "/sim/faults", R"({"throttle":1})");
    CHECK(set.status == 200);
    bool refused = false;
    for (int i = 0; i < 3 && !refused; ++i) {
        auto got = co_await p.send("GET", "/user/currentUser");
        refused = got.status == 429;
        if (refused) CHECK(got.headers.get("Retry-After") == "1");
    }
    CHECK(refused);
}

asio::awaitable<void> slow(platform& p) {
    auto set = co_await p.send("POST", "/sim/faults", R"({"delayMs":60})");
    CHECK(set.status == 200);
    const auto before = std::chrono::steady_clock::now();
    auto got = co_await p.send("GET", "/user/currentUser");
    CHECK(got.status == 200);
    CHECK(std::chrono::steady_clock::now() - before >= 60ms);
}

asio::awaitable<void> silent(platform& p) {
    auto set = co_await p.send("POST", "/sim/faults", R"({"hangShare":1})");
    CHECK(set.status == 200);
    auto got = co_await p.try_send("GET", "/user/currentUser", "", 200ms);
    CHECK_FALSE(got.has_value());
    auto stats = co_await p.send("GET", "/sim/stats"); // still there
    CHECK(stats.body.find(R"("disturbed":{"0":1})") != std::string::npos);
}

} // namespace

TEST_CASE("server: requests over a real socket", "[platform]") {
    platform p;
    p.play(whole_way);
}

TEST_CASE("server: a failing share", "[platform][faults]") {
    platform p;
    p.play(failing);
}

TEST_CASE("server: throttled", "[platform][faults]") {
    platform p;
    p.play(throttled);
}

TEST_CASE("server: delayed", "[platform][faults]") {
    platform p;
    p.play(slow);
}

TEST_CASE("server: hanging requests do not hold up the others, nor the stop", "[platform][faults]") {
    platform p;
    p.play(silent);
}

TEST_CASE("server: a port in use is an error", "[platform]") {
    asio::io_context loop(1);
    const core::system_clock clock;
    platform_sim::server::server first(loop.get_executor(), options_from({}), clock);
    REQUIRE(first.open().has_value());
    auto same = options_from({});
    same.port = first.port();
    platform_sim::server::server second(loop.get_executor(), std::move(same), clock);
    CHECK_FALSE(second.open().has_value());
    run(loop, first.stop());
}
