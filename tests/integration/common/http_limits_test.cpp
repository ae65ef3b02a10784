#include "tests/integration/common/net_fixture.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

using namespace fixture;

namespace {

asio::awaitable<net::http_response> name_path(net::http_request request) {
    co_return net::http_response(200, "text/plain", request.method + request.path + request.body + ";");
}

/// Sends `bytes` and reads until the server ends the connection.
asio::awaitable<void> exchange(net::http_server& with, std::string bytes, std::string& got) {
    auto peer = co_await raw_peer::connect(with.port());
    (void)co_await peer->send(std::move(bytes)); // a refusal may come before all is sent
    got = co_await peer->receive();
    co_await with.stop();
}

net::http_server_options strict() {
    net::http_server_options made;
    made.header_bytes_max = 1000;
    made.body_bytes_max = 5000;
    made.idle_timeout = 10s;
    made.request_timeout = 10s;
    return made;
}

std::string answer_to(const std::string& bytes, net::http_server_counters& counters,
                      net::http_server_options options = strict()) {
    asio::io_context loop(1);
    net::http_server server(loop.get_executor(), std::move(options), name_path);
    REQUIRE(server.open().has_value());
    std::string got;
    run(loop, exchange(server, bytes, got));
    counters = server.counters();
    return got;
}

std::string status_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

} // namespace

TEST_CASE("http_server: pipelined requests are answered in order, Connection: close ends", "[net]") {
    net::http_server_counters counters;
    const auto got =
        answer_to("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                  "PUT /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
                  "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n\r\n",
                  counters);
    CHECK(got == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nGET/1;"
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nPOST/2abc;"
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nPUT/3de;"
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET/4;");
    CHECK(counters.requests == 4);
    CHECK(counters.malformed == 0);
}

TEST_CASE("http_server: garbage after a good request gets a 400 in the platform's form", "[net]") {
    net::http_server_counters counters;
    const auto got = answer_to("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01 garbage\r\n\r\n", counters);
    CHECK(got.find("GET/1;HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(got.find("\r\n\r\n{\"error\":\"http/badRequest\",\"message\":\"") != std::string::npos);
    CHECK(counters.malformed == 1);
}

TEST_CASE("http_server: what is malformed or too large is refused with its status", "[net]") {
    const std::pair<std::string, std::string> cases[] = {
        {"GET /" + std::string(2000, 'x'), "HTTP/1.1 431 Request Header Fields Too Large"},
        {"GET / HTTP/1.1\r\nX: " + std::string(100000, 'x') + "\r\n\r\n",
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"POST / HTTP/1.1\r\nContent-Length: 5001\r\n\r\n", "HTTP/1.1 413 Content Too Large"},
        {"POST / HTTP/1.1\r\nContent-Length: 400000\r\n\r\n" + std::string(400000, 'x'),
         "HTTP/1.1 413 Content Too Large"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1389\r\n" + std::string(5001, 'x'),
         "HTTP/1.1 413 Content Too Large"},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "HTTP/1.1 400 Bad Request"},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET /% HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET / HTTP/9\r\n\r\n", "HTTP/1.1 400 Bad Request"},
    };
    for (const auto& [bytes, expected] : cases) {
        INFO(bytes.substr(0, 60));
        net::http_server_counters counters;
        CHECK(status_of(answer_to(bytes, counters)) == expected);
        CHECK(counters.malformed == 1);
        CHECK(counters.requests == 0);
    }
}

TEST_CASE("http_server: a body of exactly the limit passes, 100-continue is answered", "[net]") {
    net::http_server_counters counters;
    const std::string body(5000, 'x');
    const auto got =
        answer_to("POST / HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n" + body,
                  counters);
    CHECK(got.find("POST/" + body + ";") != std::string::npos);
    CHECK(counters.requests == 1);
}

TEST_CASE("http_server: slow and silent peers are closed in time", "[net]") {
    const std::string sent = GENERATE(std::string(), std::string("GET / HTTP/1.1\r\nHos"),
                                      std::string("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc"));
    auto options = strict();
    (sent.empty() ? options.idle_timeout : options.request_timeout) = 50ms;
    net::http_server_counters counters;
    const auto got = answer_to(sent, counters, options);
    CHECK(got.empty());
    CHECK(counters.timed_out == 1);
    CHECK(counters.requests == 0);
}

TEST_CASE("http_server: a byte now and then does not extend the time for a request", "[net]") {
    asio::io_context loop(1);
    auto options = strict();
    options.request_timeout = 100ms;
    net::http_server server(loop.get_executor(), options, name_path);
    REQUIRE(server.open().has_value());
    auto body = [](net::http_server& on) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(on.port());
        const auto started = std::chrono::steady_clock::now();
        core::error_code error;
        while (!error && std::chrono::steady_clock::now() - started < 10s) {
            error = co_await peer->send("x");
            std::byte some[10];
            const auto read = peer->transport().read_some(some);
            if (!error) error = read.error;
            if (error) break;
            asio::steady_timer pause(co_await asio::this_coro::executor, 5ms);
            auto [waited] = co_await pause.async_wait(async::as_result);
            CHECK(!waited);
        }
        CHECK(error);
        CHECK(std::chrono::steady_clock::now() - started < 5s);
        co_await on.stop();
    };
    run(loop, body(server));
    CHECK(server.counters().timed_out == 1);
}

TEST_CASE("http_server: an unfinished TLS handshake is closed in time", "[net]") {
    auto options = strict();
    options.handshake_timeout = 50ms;
    options.tls = server_tls();
    net::http_server_counters counters;
    CHECK(answer_to("\x16\x03\x01", counters, options).empty());
    CHECK(counters.timed_out == 1);
}

TEST_CASE("http_server: connections over the limit are closed, the others go on", "[net]") {
    asio::io_context loop(1);
    auto options = strict();
    options.connections_max = 1;
    net::http_server server(loop.get_executor(), options, name_path);
    REQUIRE(server.open().has_value());
    auto body = [](net::http_server& on) -> asio::awaitable<void> {
        auto first = co_await raw_peer::connect(on.port());
        (void)co_await first->send("GET /1 HTTP/1.1\r\n\r\n");
        const auto one = co_await first->receive(";");
        CHECK(status_of(one) == "HTTP/1.1 200 OK");
        auto second = co_await raw_peer::connect(on.port());
        const auto nothing = co_await second->receive();
        CHECK(nothing.empty());
        (void)co_await first->send("GET /2 HTTP/1.1\r\n\r\n");
        const auto two = co_await first->receive(";");
        CHECK(two.find("GET/2;") != std::string::npos);
        co_await on.stop();
    };
    run(loop, body(server));
    CHECK(server.counters().refused == 1);
}

TEST_CASE("http_server: an upgrade where none is served is 404, with data behind it 400", "[net]") {
    const bool with_data = GENERATE(false, true);
    net::http_server_counters counters;
    std::string request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if (with_data) request += "early";
    CHECK(status_of(answer_to(request, counters)) ==
          (with_data ? "HTTP/1.1 400 Bad Request" : "HTTP/1.1 404 Not Found"));
}
