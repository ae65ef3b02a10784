#include "tests/integration/common/net_fixture.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/net/error.hpp"
#include "common/net/http_client.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

#include <cstdio>

using namespace fixture;

namespace {

/// Echoes method, path, one parameter and the body; /slow waits, /throw fails, /large answers a megabyte, /204 nothing.
asio::awaitable<net::http_response> handle(net::http_request request) {
    if (request.path == "/slow") {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        auto [error] = co_await timer.async_wait(async::as_result);
        (void)error;
    }
    if (request.path == "/throw") throw std::runtime_error("on purpose");
    if (request.path == "/large") co_return net::http_response(200, "text/plain", std::string(1024 * 1024, 'x'));
    if (request.path == "/204") co_return net::http_response(204);
    net::http_response response(200, "text/plain", "");
    response.body =
        request.method + " " + request.path + " " + std::string(request.parameter("x")) + " " + request.body;
    response.headers.add("X-Echo", std::string(request.headers.get("x-echo")));
    co_return response;
}

net::http_server_options server_options(bool secure) {
    net::http_server_options made;
    if (secure) made.tls = server_tls();
    return made;
}

struct web {
    explicit web(asio::io_context& loop, bool secure = false, net::http_client_options options = client_options())
        : server(loop.get_executor(), server_options(secure), handle), client(loop.get_executor(), std::move(options)) {
        REQUIRE(server.open().has_value());
        base = (secure ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server.port());
    }
    static net::http_client_options client_options() {
        net::http_client_options made;
        made.ca_file = certificates::get().ca;
        return made;
    }
    net::http_request_out get(const std::string& target) const { return net::http_request_out("GET", base + target); }
    net::http_server server;
    net::http_client client;
    std::string base;
};

asio::awaitable<void> request_one(net::http_client& by, net::http_request_out what,
                                  core::result<net::http_response>& into) {
    into = co_await by.request(std::move(what));
}

} // namespace

TEST_CASE("http: requests share one kept connection", "[net]") {
    const bool secure = GENERATE(false, true);
    asio::io_context loop(1);
    web with(loop, secure);
    auto body = [](web& on) -> asio::awaitable<void> {
        for (int i = 0; i < 10; ++i) {
            auto request = on.get("/a%20b?x=%C3%A4");
            request.method = "POST";
            request.body = std::string(static_cast<std::size_t>(i) * 30000, 'b');
            request.headers.add("X-Echo", "kept");
            const std::string expected = "POST /a b \xc3\xa4 " + request.body;
            auto response = co_await on.client.request(std::move(request));
            REQUIRE(response.has_value());
            CHECK(response->status == 200);
            CHECK(response->body == expected);
            CHECK(response->content_type == "text/plain");
            CHECK(response->headers.get("x-echo") == "kept");
        }
        for (const char* path : {"/204", "/large", "/throw"}) {
            auto response = co_await on.client.request(on.get(path));
            REQUIRE(response.has_value());
            CHECK(response->body.size() == (std::string(path) == "/large" ? 1024 * 1024 : response->body.size()));
        }
        auto head = on.get("/large");
        head.method = "HEAD";
        auto response = co_await on.client.request(std::move(head));
        REQUIRE(response.has_value());
        CHECK(response->body.empty());
        CHECK(response->headers.get("Content-Length") == "1048576");
        CHECK(on.client.counters().connects == 1);
        CHECK(on.server.counters().connections == 1);
        CHECK(on.server.counters().requests == 14);
        on.client.stop();
        co_await on.server.stop();
    };
    run(loop, body(with));
}

TEST_CASE("http_client: the pool is bounded, the rest waits in order, too many are refused", "[net]") {
    asio::io_context loop(1);
    auto options = web::client_options();
    options.connections_per_origin_max = 2;
    options.waiting_per_origin_max = 3;
    web with(loop, false, options);
    auto body = [](web& on) -> asio::awaitable<void> {
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        std::vector<core::result<net::http_response>> results(6,
                                                              core::result<net::http_response>(net::http_response()));
        for (std::size_t i = 0; i < results.size(); ++i)
            tasks.spawn("request", request_one(on.client, on.get("/" + std::to_string(i)), results[i]));
        co_await tasks.join();
        for (std::size_t i = 0; i < 5; ++i) {
            REQUIRE(results[i].has_value());
            CHECK(results[i]->body == "GET /" + std::to_string(i) + "  ");
        }
        CHECK(results[5].error() == net::errc::queue_full);
        CHECK(on.client.counters().connects == 2);
        on.client.stop();
        co_await on.server.stop();
    };
    run(loop, body(with));
}

TEST_CASE("http_client: a slow answer is a timeout, also for those who wait; stop ends all", "[net]") {
    asio::io_context loop(1);
    auto options = web::client_options();
    options.connections_per_origin_max = 1;
    web with(loop, false, options);
    auto body = [](web& on) -> asio::awaitable<void> {
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        std::vector<core::result<net::http_response>> results(3,
                                                              core::result<net::http_response>(net::http_response()));
        auto slow = on.get("/slow");
        slow.timeout = 80ms;
        tasks.spawn("slow", request_one(on.client, slow, results[0]));
        auto waiting = on.get("/");
        waiting.timeout = 20ms;
        tasks.spawn("waiting", request_one(on.client, waiting, results[1]));
        co_await tasks.join();
        CHECK(results[0].error() == net::errc::timeout);
        CHECK(results[1].error() == net::errc::timeout);
        auto after = co_await on.client.request(on.get("/after"));
        CHECK(after.has_value());
        async::task_group last(co_await asio::this_coro::executor, "test");
        last.spawn("slow", request_one(on.client, on.get("/slow"), results[0]));
        last.spawn("waiting", request_one(on.client, on.get("/"), results[1]));
        while (on.server.counters().requests < 3) {
            asio::steady_timer turn(co_await asio::this_coro::executor, 1ms);
            auto [error] = co_await turn.async_wait(async::as_result);
            CHECK(!error);
        }
        on.client.stop();
        co_await last.join();
        CHECK(results[0].error() == net::errc::stopped);
        CHECK(results[1].error() == net::errc::stopped);
        auto late = co_await on.client.request(on.get("/"));
        CHECK(late.error() == net::errc::stopped);
        co_await on.server.stop();
    };
    run(loop, body(with));
}

namespace {

/// A server written by hand: each connection gets the next of the answers and is closed after it.
asio::awaitable<void> answer_by_hand(net::acceptor& on, std::vector<std::string> answers) {
    for (auto& answer : answers) {
        auto accepted = co_await on.accept();
        if (accepted.has_error()) co_return;
        raw_peer peer(std::move(*accepted));
        (void)co_await peer.receive("\r\n\r\n");
        (void)co_await peer.send(std::move(answer));
    }
}

} // namespace

TEST_CASE("http_client: a stale pooled connection is replaced, once, where that is safe", "[net]") {
    asio::io_context loop(1);
    net::acceptor_options local;
    local.address = "127.0.0.1";
    net::acceptor acceptor(loop.get_executor(), local);
    REQUIRE(acceptor.open().has_value());
    auto body = [](net::acceptor& on) -> asio::awaitable<void> {
        const asio::any_io_executor executor = co_await asio::this_coro::executor;
        const std::string url = "http://127.0.0.1:" + std::to_string(on.port()) + "/";
        net::http_client client(executor, net::http_client_options());
        async::task_group tasks(executor, "server");
        std::vector<std::string> answers(3, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        tasks.spawn("by hand", answer_by_hand(on, answers));
        for (const char* method : {"GET", "GET", "POST"}) {
            // Answered with keep-alive, closed right after.
            auto response = co_await client.request(net::http_request_out(method, url));
            REQUIRE(response.has_value());
            CHECK(response->body == "ok");
        }
        CHECK(client.counters().connects == 3);
        co_await tasks.join();
        client.stop();
    };
    run(loop, body(acceptor));
}

TEST_CASE("http_client: answers of every framing, and broken ones", "[net]") {
    struct expectation {
        std::string answer;
        core::error_code error;
        std::string body;
    };
    const std::vector<expectation> all = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", {}, "abcde"},
        {"HTTP/1.0 200 OK\r\n\r\nuntil the end", {}, "until the end"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", {}, "x"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", net::errc::bad_response, ""},
        {"SMTP ready\r\n\r\n", net::errc::bad_response, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", net::errc::response_too_large, ""},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x'), net::errc::response_too_large, ""},
        {"", make_error_code(boost::asio::error::eof), ""},
    };
    for (const auto& each : all) {
        INFO(each.answer.substr(0, 60));
        asio::io_context loop(1);
        net::acceptor_options local;
        local.address = "127.0.0.1";
        net::acceptor acceptor(loop.get_executor(), local);
        REQUIRE(acceptor.open().has_value());
        auto body = [](net::acceptor& on, const expectation& expected) -> asio::awaitable<void> {
            const asio::any_io_executor executor = co_await asio::this_coro::executor;
            net::http_client_options options;
            options.body_bytes_max = 1000;
            net::http_client client(executor, options);
            async::task_group tasks(executor, "server");
            std::vector<std::string> answers{expected.answer};
            tasks.spawn("by hand", answer_by_hand(on, std::move(answers)));
            net::http_request_out request("GET", "http://127.0.0.1:" + std::to_string(on.port()));
            auto response = co_await client.request(std::move(request));
            CHECK(response.has_value() == !expected.error);
            if (response.has_value())
                CHECK(response->body == expected.body);
            else
                CHECK(response.error() == expected.error);
            client.stop();
            co_await tasks.join();
        };
        run(loop, body(acceptor, each));
    }
}

TEST_CASE("http_client: header values cannot smuggle lines, other schemes are refused", "[net]") {
    asio::io_context loop(1);
    auto body = []() -> asio::awaitable<void> {
        net::http_client client(co_await asio::this_coro::executor, net::http_client_options());
        net::http_request_out request("GET", "http://127.0.0.1:1/");
        request.headers.add("X", "a\r\nY: b");
        auto smuggled = co_await client.request(request);
        CHECK(smuggled.error() == net::errc::bad_url);
        net::http_request_out other("GET", "ws://127.0.0.1:1/");
        auto refused = co_await client.request(other);
        CHECK(refused.error() == net::errc::bad_url);
    };
    run(loop, body());
}

TEST_CASE("http: requests per second", "[.][bench]") {
    asio::io_context loop(1);
    web with(loop);
    auto body = [](web& on) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(on.server.port());
        const std::string one = "GET /x?x=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic abcdefgh\r\n\r\n";
        const int count = 20000;
        const auto started = std::chrono::steady_clock::now();
        for (int i = 0; i < count; ++i) {
            (void)co_await peer->send(one);
            (void)co_await peer->receive("GET /x 1 ");
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        std::printf("http: %.0f requests/s, client included\n", count / took.count());
        peer->transport().close();
        co_await on.server.stop();
    };
    run(loop, body(with));
}
