#include "common/ops/ops_routes.hpp"

#include <catch2/catch.hpp>

namespace {

net::http_request request_of(std::string method, std::string path) {
    net::http_request made;
    made.method = std::move(method);
    made.path = std::move(path);
    return made;
}

} // namespace

TEST_CASE("health: ready unless somebody says why not", "[ops]") {
    ops::health state;
    CHECK(state.is_ready());
    CHECK(state.ready_json() == R"({"status":"UP","reasons":[]})");
    state.not_ready("store", "recovering");
    state.not_ready("link", "not \"connected\"");
    state.not_ready("store", "read-only");
    CHECK_FALSE(state.is_ready());
    CHECK(state.is_live());
    CHECK(state.ready_json() == R"({"status":"DOWN","reasons":["link: not \"connected\"","store: read-only"]})");
    state.ready("link");
    state.ready("store");
    state.ready("never reported");
    CHECK(state.is_ready());
}

TEST_CASE("health: a failure is for good", "[ops]") {
    ops::health state;
    state.failed("sync failed");
    CHECK_FALSE(state.is_live());
    CHECK_FALSE(state.is_ready());
    CHECK(state.live_json() == R"({"status":"DOWN","reasons":["sync failed"]})");
}

TEST_CASE("ops_routes: answers its own paths only", "[ops]") {
    ops::health state;
    ops::metrics numbers;
    numbers.gauges("up", "Up").with().set(1);
    const ops::ops_routes routes(state, numbers);
    CHECK_FALSE(routes.answer(request_of("GET", "/healthy")).has_value());
    CHECK(routes.answer(request_of("GET", "/health"))->status == 200);
    CHECK(routes.answer(request_of("HEAD", "/health/live"))->status == 200);
    CHECK(routes.answer(request_of("GET", "/metrics"))->body == "# HELP up Up\n# TYPE up gauge\nup 1\n");
    const auto refused = routes.answer(request_of("POST", "/metrics"));
    CHECK(refused->status == 405);
    CHECK(refused->headers.get("allow") == "GET, HEAD");
    state.not_ready("link", "down");
    CHECK(routes.answer(request_of("GET", "/health/ready"))->status == 503);
    CHECK(routes.answer(request_of("GET", "/health/live"))->status == 200);
    state.failed("disk");
    CHECK(routes.answer(request_of("GET", "/health/live"))->status == 503);
}
