#include "tests/integration/platform/serving.hpp"

using namespace serving;

namespace {

/// A device with a subscription to its operations; its ID.
asio::awaitable<std::string> subscribed_device(platform& p) {
    std::string device = co_await p.create("/inventory/managedObjects", R"({"name":"Pump"})");
    auto made = co_await p.send("POST", "/notification2/subscriptions",
                                R"({"context":"mo","subscription":"out","source":{"id":")" + device +
                                    R"("},"subscriptionFilter":{"apis":["operations"]}})");
    REQUIRE(made.status == 201);
    co_return device;
}

asio::awaitable<std::string> operate(platform& p, std::string device, int number) {
    std::string id = co_await p.create("/devicecontrol/operations",
                                       R"({"deviceId":")" + device + R"(","n":)" + std::to_string(number) + "}");
    co_return id;
}

asio::awaitable<void> redelivery(platform& p) {
    const std::string device = co_await subscribed_device(p);
    const std::string token = co_await p.token();
    auto first = co_await p.consume(token);
    REQUIRE(first != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    const std::string id = co_await operate(p, device, 1);
    for (int n = 2; n <= 3; ++n) {
        const std::string more = co_await operate(p, device, n);
        CHECK(more != id);
    }
    std::vector<std::string> frames;
    for (int n = 0; n < 3; ++n) {
        std::string frame = co_await next_frame(*first);
        frames.push_back(std::move(frame));
    }
    CHECK(rest_of(frames[0]).starts_with("/t0815/operations/" + device + "\nCREATE\n\n{\"id\":\"" + id + "\""));
    co_await say(*first, ack_of(frames[1]));
    co_await p.until_statistics("\"acknowledged\":1");
    first->abort();
    co_await p.until_statistics("\"consumers\":0");

    auto second = co_await p.consume(token);
    REQUIRE(second != nullptr);
    const std::string again = co_await next_frame(*second);
    const std::string third = co_await next_frame(*second);
    CHECK(rest_of(again) == rest_of(frames[0]));
    CHECK(rest_of(third) == rest_of(frames[2]));
    co_await say(*second, ack_of(again));
    co_await say(*second, ack_of(third));
    co_await p.until_statistics("\"acknowledged\":3");
    second->abort();
    co_await p.until_statistics("\"consumers\":0");

    auto last = co_await p.consume(token); // nothing old any more: the next frame is the next operation
    REQUIRE(last != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    const std::string fresh = co_await operate(p, device, 4);
    const std::string frame = co_await next_frame(*last);
    CHECK(rest_of(frame).find("\"id\":\"" + fresh + "\"") != std::string::npos);
}

asio::awaitable<void> refusals(platform& p) {
    for (const std::string bad : {"", "abc", "a.b.c"}) {
        auto socket = co_await p.consume(bad);
        CHECK(socket == nullptr);
        CHECK(p.refused_with == 401);
    }
    const std::string token = co_await p.token();
    auto elsewhere = co_await p.consume(token, "/notification2/producer/");
    CHECK(elsewhere == nullptr);
    CHECK(p.refused_with == 404);
    auto first = co_await p.consume(token, "/notification2/consumer"); // without the slash
    REQUIRE(first != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    auto second = co_await p.consume(token);
    CHECK(second == nullptr);
    CHECK(p.refused_with == 409);
    const auto closed = co_await first->close(1000, "done");
    CHECK_FALSE(closed);
    co_await p.until_statistics("\"consumers\":0");
    auto third = co_await p.consume(token);
    CHECK(third != nullptr);
}

asio::awaitable<void> shared_clients(platform& p) {
    const std::string device = co_await subscribed_device(p);
    const std::string token = co_await p.token(R"(,"shared":true)");
    auto a = co_await p.consume(token + "&consumer=a");
    auto b = co_await p.consume(token + "&consumer=b");
    REQUIRE(a != nullptr);
    REQUIRE(b != nullptr);
    co_await p.until_statistics("\"consumers\":2");
    const std::string id = co_await operate(p, device, 1);
    CHECK_FALSE(id.empty());
    co_await p.until_statistics("\"delivered\":1");
    a->abort(); // whoever had it: the other gets it
    co_await p.until_statistics("\"consumers\":1");
    const std::string frame = co_await next_frame(*b);
    CHECK(rest_of(frame).find("\"id\":\"" + id + "\"") != std::string::npos);
}

asio::awaitable<void> unsubscribing(platform& p) {
    const std::string device = co_await subscribed_device(p);
    const std::string token = co_await p.token();
    auto by_frame = co_await p.consume(token);
    REQUIRE(by_frame != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    const std::string id = co_await operate(p, device, 1);
    CHECK_FALSE(id.empty());
    const std::string got = co_await next_frame(*by_frame);
    CHECK_FALSE(got.empty());
    co_await say(*by_frame, "unsubscribe_subscriber");
    const std::string none = co_await next_frame(*by_frame);
    CHECK(none.empty());
    CHECK(by_frame->close_code() == 1000);

    auto by_rest = co_await p.consume(token);
    REQUIRE(by_rest != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    auto done = co_await p.send("POST", "/notification2/unsubscribe?token=" + token);
    CHECK(done.body == R"({"result":"DONE"})");
    const std::string ended = co_await next_frame(*by_rest);
    CHECK(ended.empty());
    CHECK(by_rest->close_code() == 1000);
    co_await p.until_statistics("\"consumers\":0");
}

asio::awaitable<void> thousand(platform& p) {
    const std::string device = co_await subscribed_device(p);
    const std::string token = co_await p.token();
    auto socket = co_await p.consume(token);
    REQUIRE(socket != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    for (int n = 0; n < 1005; ++n) {
        const std::string id = co_await operate(p, device, n);
        CHECK_FALSE(id.empty());
    }
    std::vector<std::string> frames;
    for (int n = 0; n < 1000; ++n) {
        std::string frame = co_await next_frame(*socket);
        REQUIRE_FALSE(frame.empty());
        frames.push_back(std::move(frame));
    }
    co_await p.until_statistics("\"delivered\":1000,");
    co_await say(*socket, ack_of(frames[0]));
    const std::string next = co_await next_frame(*socket);
    CHECK(next.find("\"n\":1000}") != std::string::npos);
    co_await p.until_statistics("\"delivered\":1001,");
}

asio::awaitable<void> reset_ends_consumers(platform& p) {
    const std::string token = co_await p.token();
    auto socket = co_await p.consume(token);
    REQUIRE(socket != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    auto done = co_await p.send("POST", "/sim/reset");
    CHECK(done.status == 204);
    const std::string none = co_await next_frame(*socket);
    CHECK(none.empty());
    auto again = co_await p.consume(token);
    CHECK(again != nullptr);
}

asio::awaitable<void> stop_with_consumer(platform& p) {
    const std::string token = co_await p.token();
    auto socket = co_await p.consume(token);
    REQUIRE(socket != nullptr);
    co_await p.until_statistics("\"consumers\":1");
    // The fixture's destructor stops the server while the consumer is connected on its side.
}

} // namespace

TEST_CASE("notifications: unacknowledged messages come again, acknowledged ones do not", "[platform][C.9]") {
    platform p;
    p.play(redelivery);
}

TEST_CASE("notifications: 401 for bad tokens, 409 for a busy subscriber", "[platform][C.7]") {
    platform p;
    p.play(refusals);
}

TEST_CASE("notifications: a shared subscriber's clients stand in for each other", "[platform][C.9]") {
    platform p;
    p.play(shared_clients);
}

TEST_CASE("notifications: unsubscribing ends the connection", "[platform][C.5]") {
    platform p;
    p.play(unsubscribing);
}

TEST_CASE("notifications: delivery pauses at 1000 unacknowledged", "[platform][C.9]") {
    platform p;
    p.play(thousand);
}

TEST_CASE("notifications: a reset ends consumers", "[platform]") {
    platform p;
    p.play(reset_ends_consumers);
}

TEST_CASE("notifications: the server stops with a consumer connected", "[platform]") {
    platform p;
    p.play(stop_with_consumer);
}
