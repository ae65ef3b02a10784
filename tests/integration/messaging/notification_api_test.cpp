// The original's API against the whole service in this process: real sockets, real files, our own frame codec.
// (tests/system/clients_notification2.py does the same with a client that shares no code.)
#include "common/async/tokens.hpp"
#include "common/core/base64.hpp"
#include "common/core/log.hpp"
#include "common/net/error.hpp"
#include "common/net/http_client.hpp"
#include "common/net/websocket.hpp"
#include "common/notification2/avro_codec.hpp"
#include "common/notification2/frame.hpp"
#include "messaging/service.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace {

namespace asio = boost::asio;
namespace n2 = notification2;
using namespace std::chrono_literals;
using socket_ptr = std::unique_ptr<net::websocket>;

/// Runs the loop until `body` ends; fails the test when it takes 60 s.
void run(asio::io_context& loop, asio::awaitable<void> body) {
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(loop, std::move(body), [&](const std::exception_ptr& error) {
        done = true;
        thrown = error;
        loop.stop();
    });
    loop.restart();
    loop.run_for(60s);
    REQUIRE(done);
    if (thrown) std::rethrow_exception(thrown);
}

struct server {
    explicit server(support::temp_dir& in, std::uint64_t backlog_bytes = 25 * 1024 * 1024) {
        std::ofstream(in.file("tenants.yaml"))
            << "tenants:\n"
               "  t0815:\n"
               "    users:\n"
               "      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }\n"
               "      device1: { password: { plain: device1-secret } }\n"
               "  t0816:\n"
               "    users:\n"
               "      admin: { password: { plain: other }, roles: [ROLE_NOTIFICATION_2_ADMIN] }\n";
        settings.listen.address = "127.0.0.1";
        settings.listen.port = 0;
        settings.data_directory = in.file("data");
        settings.log.mode = messaging::store::durability::os;
        settings.log.segment_bytes = 1024 * 1024;
        settings.link_secret_file = in.file("link-secret");
        settings.logins.file = in.file("tenants.yaml");
        settings.limits.backlog_bytes_per_topic = backlog_bytes;
        start();
    }
    ~server() { stop(); }
    void start() {
        service = std::make_unique<messaging::service>(loop, settings);
        std::string why_not;
        INFO(why_not);
        REQUIRE(service->start(why_not));
        client = std::make_unique<net::http_client>(loop.get_executor(), net::http_client_options());
    }
    void stop() {
        client->stop();
        run(loop, service->stop());
        service.reset();
    }
    std::string base(const char* scheme) const {
        return std::string(scheme) + "://127.0.0.1:" + std::to_string(service->port());
    }

    asio::io_context loop{1};
    messaging::config settings;
    std::unique_ptr<messaging::service> service;
    std::unique_ptr<net::http_client> client;
};

asio::awaitable<net::http_response> call(server& to, std::string method, std::string path, std::string login,
                                         std::string body) {
    net::http_request_out request(std::move(method), to.base("http") + path);
    if (!login.empty()) request.headers.add("Authorization", "Basic " + core::base64_encode(login));
    request.body = std::move(body);
    auto answer = co_await to.client->request(std::move(request));
    REQUIRE(answer.has_value());
    co_return std::move(*answer);
}

const std::string admin = "t0815/admin:admin-secret";

asio::awaitable<std::string> token_for(server& from, std::string subscriber, std::string topic, std::string more) {
    const auto body = R"({"subscriber":")" + subscriber + R"(","subscription":")" + topic + R"(")" + more + "}";
    const auto answer = co_await call(from, "POST", "/notification2/token", admin, body);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    REQUIRE(answer.body.starts_with(R"({"token":")"));
    co_return answer.body.substr(10, answer.body.size() - 12);
}

/// The socket, or null with the status of the refusal.
asio::awaitable<socket_ptr> open(server& to, std::string path, unsigned& status) {
    net::websocket_target target;
    target.url = to.base("ws") + path;
    net::upgrade_refusal refusal;
    auto made = co_await net::websocket_connect(std::move(target), &refusal);
    status = made ? 101 : refusal.status;
    socket_ptr socket;
    if (made) socket = std::move(*made);
    co_return socket;
}

asio::awaitable<socket_ptr> must_open(server& to, std::string path) {
    unsigned status = 0;
    auto socket = co_await open(to, path, status);
    REQUIRE(status == 101);
    co_return socket;
}

asio::awaitable<void> send(net::websocket& to, std::string text) {
    const auto error = co_await to.write(core::as_bytes(text), true);
    REQUIRE_FALSE(error);
}

/// The next message, or `closed <code> <reason>`.
asio::awaitable<std::string> receive(net::websocket& from) {
    std::string text;
    const auto got = co_await from.read(text);
    if (!got) text = "closed " + std::to_string(from.close_code()) + " " + from.close_reason();
    co_return text;
}

std::string frame_of(std::uint64_t sequence, std::string_view payload, std::string_view client_id = {}) {
    n2::mqtt_service_message message;
    if (!client_id.empty()) message.client_id = client_id;
    message.payload = payload;
    std::string avro;
    n2::append_avro(avro, message);
    std::string text;
    n2::append_producer_frame(text, sequence, avro);
    return text;
}

struct received {
    std::string header;
    std::string payload;
    std::string topic;
};

received parse(const std::string& text) {
    INFO(text);
    const auto frame = n2::parse_consumer_frame(text);
    REQUIRE(frame.has_value());
    std::string avro;
    REQUIRE(n2::append_record(avro, frame->base64, 1 << 20).has_value());
    const auto message = n2::decode_avro(avro);
    REQUIRE(message.has_value());
    return {std::string(frame->ack_header), std::string(message->payload), std::string(message->topic.value_or(""))};
}

asio::awaitable<void> eventually_open(server& to, std::string path, socket_ptr& into) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    unsigned status = 0;
    while (!into && std::chrono::steady_clock::now() < deadline) into = co_await open(to, path, status);
    REQUIRE(into != nullptr);
}

asio::awaitable<void> round_trip(server& at) {
    const auto consumer_token = co_await token_for(at, "app1", "plant/line1", R"(,"type":"mqtt")");
    const auto producer_token = co_await token_for(at, "mqttServicePublisher", "plant/line1", R"(,"type":"mqtt")");
    const auto consumer_path = "/notification2/consumer/?token=" + consumer_token;
    auto consumer = co_await must_open(at, consumer_path);
    auto producer = co_await must_open(at, "/notification2/producer?token=" + producer_token);
    unsigned status = 0;
    auto second = co_await open(at, consumer_path, status);
    CHECK(status == 409);
    for (std::uint64_t i = 7; i < 10; ++i) { // sequences of a client that reconnected
        co_await send(*producer, frame_of(i, "m" + std::to_string(i), "dev1"));
        const auto answer = co_await receive(*producer);
        CHECK(answer == std::to_string(i));
    }
    std::string text = co_await receive(*consumer);
    const auto first = parse(text);
    CHECK(first.payload == "m7");
    CHECK(first.topic == "plant/line1");
    co_await send(*consumer, first.header);
    text = co_await receive(*consumer);
    CHECK(parse(text).payload == "m8");
    const auto closed = co_await consumer->close(1000, "");
    CHECK_FALSE(closed);
    consumer.reset();
    co_await eventually_open(at, consumer_path, consumer);
    for (const char* expected : {"m8", "m9"}) {
        text = co_await receive(*consumer);
        const auto again = parse(text);
        CHECK(again.payload == expected);
        co_await send(*consumer, again.header);
        co_await send(*consumer, again.header); // twice is harmless
    }
    co_await send(*consumer, "no-such-header");
    co_await send(*consumer, std::string(n2::unsubscribe_text));
    text = co_await receive(*consumer);
    CHECK(text == "closed 1000 unsubscribed");
    // Nobody subscribes any more: acknowledged all the same.
    co_await send(*producer, frame_of(10, "m10"));
    text = co_await receive(*producer);
    CHECK(text == "10");
    const auto closing = co_await producer->close(1000, "");
    CHECK_FALSE(closing);
    const auto metrics = co_await call(at, "GET", "/metrics", "", "");
    CHECK_THAT(metrics.body, Catch::Contains(R"(messaging_api_refused_total{door="consumer",reason="busy"} )"));
    CHECK_THAT(metrics.body, Catch::Contains(R"(reason="unknown_acknowledgement"} )"));
    CHECK_THAT(metrics.body, Catch::Contains("messaging_api_published_total 4"));
}

asio::awaitable<void> refusals(server& at) {
    const std::string path = "/notification2/token";
    const std::string good = R"({"subscriber":"s","subscription":"t","type":"mqtt"})";
    auto answer = co_await call(at, "POST", path, "", good);
    CHECK(answer.status == 401);
    CHECK(answer.headers.get("WWW-Authenticate").starts_with("Basic"));
    CHECK_THAT(answer.body, Catch::Contains(R"("error":"security/Unauthorized")"));
    answer = co_await call(at, "POST", path, "t0815/admin:wrong", good);
    CHECK(answer.status == 401);
    answer = co_await call(at, "POST", path, "t0815/device1:device1-secret", good);
    CHECK(answer.status == 403);
    answer = co_await call(at, "POST", path, admin, "{}");
    CHECK(answer.status == 422);
    answer = co_await call(at, "DELETE", path, admin, "");
    CHECK(answer.status == 405);
    answer = co_await call(at, "GET", "/notification2/producer/", "", "");
    CHECK(answer.status == 426);
    const auto token = co_await token_for(at, "s", "a/b", R"(,"type":"mqtt","shared":true)");
    answer = co_await call(at, "GET", path + "?token=" + token, admin, "");
    CHECK(answer.status == 200);
    CHECK_THAT(answer.body, Catch::Contains(R"("topic":"t0815/mqtt/a%2Fb")") && Catch::Contains(R"("shared":"true")"));
    answer = co_await call(at, "GET", path + "?token=" + token, "t0816/admin:other", "");
    CHECK(answer.status == 422);
    answer = co_await call(at, "POST", "/notification2/unsubscribe?token=" + token, admin, "");
    CHECK(answer.body == R"({"result":"DONE"})");
    unsigned status = 0;
    for (const char* door : {"/notification2/producer/", "/notification2/consumer"}) {
        const std::string at_door = door;
        auto socket = co_await open(at, at_door, status);
        CHECK(status == 401);
        socket = co_await open(at, at_door + "?token=a.b.c", status);
        CHECK(status == 401);
        socket = co_await open(at, at_door + "?token=" + token.substr(0, token.size() - 4) + "AAAA", status);
        CHECK(status == 401);
    }
}

asio::awaitable<void> fill_up(server& at) {
    const auto token = co_await token_for(at, "slow", "full", R"(,"type":"mqtt")");
    auto consumer = co_await must_open(at, "/notification2/consumer/?token=" + token);
    auto producer = co_await must_open(at, "/notification2/producer/?token=" + token);
    const std::string payload(10'000, 'x');
    for (std::uint64_t i = 1; i <= 20; ++i) co_await send(*producer, frame_of(i, payload)); // 100 kB fit
    std::uint64_t acknowledged = 0;
    std::string text;
    while (true) {
        text = co_await receive(*producer);
        if (text != std::to_string(acknowledged + 1)) break;
        ++acknowledged;
    }
    CHECK(acknowledged == 9);
    CHECK(text == "10 error topic_backlog_full");
    text = co_await receive(*producer);
    CHECK_THAT(text, Catch::StartsWith("closed 1013"));
    producer.reset();
    for (std::uint64_t i = 1; i <= acknowledged; ++i) {
        text = co_await receive(*consumer);
        const auto one = parse(text);
        co_await send(*consumer, one.header);
    }
    // Room again. The acknowledgement went another connection's way, so ask until it has arrived.
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    text.clear();
    while (text != "10" && std::chrono::steady_clock::now() < deadline) {
        producer = co_await must_open(at, "/notification2/producer/?token=" + token);
        co_await send(*producer, frame_of(10, payload));
        text = co_await receive(*producer);
    }
    CHECK(text == "10");
}

asio::awaitable<void> notifications(server& at) {
    const auto token = co_await token_for(at, "mapper", "mapperOut", "");
    auto consumer = co_await must_open(at, "/notification2/consumer/?token=" + token);
    auto producer = co_await must_open(at, "/notification2/producer/?token=" + token);
    const std::string body = "/t0815/operations/4711\nCREATE\n\n{\"id\":\"1\"}";
    co_await send(*producer, "1\n" + core::base64_encode(body));
    std::string text = co_await receive(*producer);
    CHECK(text == "1");
    text = co_await receive(*consumer);
    const auto parsed = n2::parse_notification(text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->description == "/t0815/operations/4711");
    CHECK(parsed->action == "CREATE");
    CHECK(parsed->body == "{\"id\":\"1\"}");
    co_await send(*consumer, std::string(parsed->ack_header));
    co_await send(*producer, "2\n" + core::base64_encode("no header lines"));
    text = co_await receive(*producer);
    CHECK_THAT(text, Catch::StartsWith("closed 1008"));
}

asio::awaitable<void> shared_and_volatile(server& at) {
    const auto shared = co_await token_for(at, "many", "work", R"(,"type":"mqtt","shared":true)");
    auto one = co_await must_open(at, "/notification2/consumer/?token=" + shared + "&consumer=a");
    auto two = co_await must_open(at, "/notification2/consumer/?token=" + shared + "&consumer=b");
    const auto alone = co_await token_for(at, "many", "work", R"(,"type":"mqtt")");
    unsigned status = 0;
    auto none = co_await open(at, "/notification2/consumer/?token=" + alone, status);
    CHECK(status == 409);
    const auto live = co_await token_for(at, "many", "work", R"(,"type":"mqtt","nonPersistent":true)");
    auto listener = co_await must_open(at, "/notification2/consumer/?token=" + live);
    auto producer = co_await must_open(at, "/notification2/producer/?token=" + alone);
    for (std::uint64_t i = 1; i <= 2; ++i) co_await send(*producer, frame_of(i, std::to_string(i)));
    std::string text = co_await receive(*one);
    const auto of_one = parse(text).payload;
    text = co_await receive(*two);
    CHECK(of_one + parse(text).payload == "12");
    for (const char* expected : {"1", "2"}) {
        text = co_await receive(*listener);
        CHECK(parse(text).payload == expected);
    }
}

asio::awaitable<void> publish_some(server& at, std::string token, std::uint64_t count) {
    auto consumer = co_await must_open(at, "/notification2/consumer/?token=" + token);
    auto producer = co_await must_open(at, "/notification2/producer/?token=" + token);
    for (std::uint64_t i = 1; i <= count; ++i) {
        co_await send(*producer, frame_of(i, std::to_string(i)));
        const auto answer = co_await receive(*producer);
        REQUIRE(answer == std::to_string(i));
    }
}

asio::awaitable<void> consume_some(server& at, std::string token, std::uint64_t count) {
    auto consumer = co_await must_open(at, "/notification2/consumer/?token=" + token);
    for (std::uint64_t i = 1; i <= count; ++i) {
        const auto text = co_await receive(*consumer);
        CHECK(parse(text).payload == std::to_string(i));
    }
}

asio::awaitable<void> get_token(server& at, std::string& into) {
    into = co_await token_for(at, "app1", "keep", R"(,"type":"mqtt")");
}

asio::awaitable<void> pump_frames(net::websocket& to, std::uint64_t count, std::string payload) {
    for (std::uint64_t i = 1; i <= count; ++i) co_await send(to, frame_of(i, payload));
}

/// All frames without waiting, then all answers; no consumer acknowledges before everything was published.
asio::awaitable<void> flood(server& at, std::uint64_t count) {
    const auto token = co_await token_for(at, "slow", "flood", R"(,"type":"mqtt")");
    auto consumer = co_await must_open(at, "/notification2/consumer/?token=" + token);
    auto producer = co_await must_open(at, "/notification2/producer/?token=" + token);
    const auto executor = co_await asio::this_coro::executor;
    std::exception_ptr thrown;
    asio::co_spawn(executor, pump_frames(*producer, count, std::string(2'000, 'y')),
                   [&thrown](const std::exception_ptr& error) { thrown = error; });
    const auto begin = std::chrono::steady_clock::now();
    std::string text;
    for (std::uint64_t i = 1; i <= count; ++i) {
        text = co_await receive(*producer);
        REQUIRE(text == std::to_string(i));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    REQUIRE_FALSE(thrown);
    const auto again = std::chrono::steady_clock::now();
    for (std::uint64_t i = 1; i <= count; ++i) {
        text = co_await receive(*consumer);
        co_await send(*consumer, text.substr(0, text.find('\n')));
    }
    const std::chrono::duration<double> drained = std::chrono::steady_clock::now() - again;
    std::printf("publish %.0f/s, drain %.0f/s\n", static_cast<double>(count) / took.count(),
                static_cast<double>(count) / drained.count());
}

struct quiet {
    quiet() { core::log::start("test", core::log::level::error); }
} quiet_log;

} // namespace

TEST_CASE("publish, consume, acknowledge, come back, unsubscribe") {
    support::temp_dir dir;
    server at(dir);
    run(at.loop, round_trip(at));
}

TEST_CASE("what is refused says why") {
    support::temp_dir dir;
    server at(dir);
    run(at.loop, refusals(at));
}

TEST_CASE("who guesses passwords is refused unseen after some failures, and told when to come back") {
    support::temp_dir directory;
    server at(directory);
    auto body = [](server& to) -> asio::awaitable<void> {
        const std::string wanted = R"({"subscriber":"s","subscription":"a"})";
        const std::string nothing;
        for (int i = 0; i < 6; ++i) {
            const auto guess = "t0815/admin:guess" + std::to_string(i);
            const auto wrong = co_await call(to, "POST", "/notification2/token", guess, wanted);
            CHECK(wrong.status == 401);
        }
        const auto refused = co_await call(to, "POST", "/notification2/token", admin, wanted);
        CHECK(refused.status == 429);
        CHECK(refused.headers.get("Retry-After") == "1");
        CHECK(refused.body ==
              R"({"error":"security/Too Many Requests","message":"too many failed logins; try again later"})");
        const auto also = co_await call(to, "POST", "/notification2/unsubscribe?token=x", admin, nothing);
        CHECK(also.status == 429);
        const auto other = co_await call(to, "POST", "/notification2/token", "t0816/admin:other", wanted);
        CHECK(other.status == 200);
        const auto metrics = co_await call(to, "GET", "/metrics", nothing, nothing);
        CHECK_THAT(metrics.body, Catch::Contains(R"(messaging_api_refused_total{door="token",reason="throttled"} 2)"));
        CHECK_THAT(metrics.body, Catch::Contains("messaging_login_failures_users 1"));
    };
    run(at.loop, body(at));
}

TEST_CASE("a full backlog ends the producer with an error line, and nothing overtakes what was refused") {
    support::temp_dir dir;
    server at(dir, 100'000);
    run(at.loop, fill_up(at));
}

TEST_CASE("notifications travel with their header lines") {
    support::temp_dir dir;
    server at(dir);
    run(at.loop, notifications(at));
}

TEST_CASE("shared subscribers share, volatile ones are others") {
    support::temp_dir dir;
    server at(dir);
    run(at.loop, shared_and_volatile(at));
}

TEST_CASE("subscriber, messages and the signing key survive a restart") {
    support::temp_dir dir;
    server at(dir);
    std::string token;
    run(at.loop, get_token(at, token));
    run(at.loop, publish_some(at, token, 5));
    at.stop();
    at.start();
    run(at.loop, consume_some(at, token, 5));
}

TEST_CASE("a flood is paced by the window, and stopping in the midst of it is clean") {
    support::temp_dir dir;
    server at(dir);
    run(at.loop, flood(at, 5'000));
}
