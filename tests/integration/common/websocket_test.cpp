#include "tests/integration/common/net_fixture.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/net/error.hpp"
#include "common/net/websocket.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

#include <cstdio>
#include <random>

using namespace fixture;

namespace {

bool coalesce = false; ///< in all servers and clients that are made

asio::awaitable<void> echo(std::unique_ptr<net::websocket> socket) {
    std::string message;
    for (;;) {
        const auto got = co_await socket->read(message);
        if (got.has_error()) co_return;
        const auto error = co_await socket->write(core::as_bytes(message), socket->last_was_text());
        if (error) co_return;
    }
}

asio::awaitable<void> close_with_reason(std::unique_ptr<net::websocket> socket) {
    (void)co_await socket->close(4001, "replaced by a newer connection"); // the client sees it
}

asio::awaitable<void> say_fifty(std::unique_ptr<net::websocket> socket) {
    for (int i = 0; i < 50; ++i) {
        const auto error = co_await socket->write(core::as_bytes(std::string_view("0123456789")), true);
        CHECK(!error);
    }
    (void)co_await socket->close(1000, "");
}

/// More than any buffer on the way holds, in the three forms of a frame's length.
asio::awaitable<void> put_much(std::unique_ptr<net::websocket> socket) {
    for (std::size_t i = 0; i < 600; ++i) {
        const std::string message(i % 3 == 0 ? 100 : i % 3 == 1 ? 1'000 : 70'000, static_cast<char>('a' + i % 26));
        while (!socket->put(core::as_bytes(message), i % 2 == 0)) {
            const auto error = co_await socket->drained();
            CHECK(!error);
            if (error) co_return;
        }
    }
    (void)co_await socket->close(1000, "that was all");
}

asio::awaitable<net::http_response> no_such_path(net::http_request) {
    co_return net::error_response(404, "test/notFound", "nothing here");
}

/// /echo, /close, /fifty, /much, /small (64 bytes at most), /401, /409.
asio::awaitable<net::upgrade_decision> decide(net::http_request request) {
    net::websocket_options options;
    options.message_bytes_max = request.path == "/small" ? 64 : 2 * 1024 * 1024;
    options.idle_timeout = 10s;
    options.coalesce = coalesce;
    if (!request.headers.get("Sec-WebSocket-Protocol").empty()) options.subprotocol = "link.v1";
    if (request.path == "/401") co_return net::upgrade_decision(net::error_response(401, "test/token", "expired"));
    if (request.path == "/409") co_return net::upgrade_decision(net::error_response(409, "test/busy", "exclusive"));
    if (request.path == "/fifty") co_return net::upgrade_decision(options, say_fifty);
    if (request.path == "/much") co_return net::upgrade_decision(options, put_much);
    if (request.path == "/close") co_return net::upgrade_decision(options, close_with_reason);
    CHECK(request.headers.get("authorization") == "Bearer abc");
    co_return net::upgrade_decision(options, echo);
}

net::http_server_options server_options(bool secure) {
    net::http_server_options made;
    if (secure) made.tls = server_tls();
    return made;
}

struct websocket_server {
    websocket_server(asio::io_context& loop, bool secure)
        : scheme(secure ? "wss" : "ws"), server(loop.get_executor(), server_options(secure), no_such_path, decide) {
        REQUIRE(server.open().has_value());
    }
    net::websocket_target target(const std::string& path) const {
        net::websocket_target made;
        made.url = scheme + "://127.0.0.1:" + std::to_string(server.port()) + path;
        made.headers.add("Authorization", "Bearer abc");
        made.ca_file = certificates::get().ca;
        made.options.message_bytes_max = 2 * 1024 * 1024;
        made.options.coalesce = coalesce;
        return made;
    }
    std::string scheme;
    net::http_server server;
};

std::string random_bytes(std::mt19937& engine, std::size_t size) {
    std::string made(size, '\0');
    for (auto& each : made) each = static_cast<char>(engine());
    return made;
}

asio::awaitable<void> write_many(net::websocket& to, std::vector<std::string>& messages) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto error = co_await to.write(core::as_bytes(messages[i]), i % 2 == 0);
        CHECK(!error);
    }
}

} // namespace

TEST_CASE("websocket: messages of every size come back, read and written at the same time", "[net]") {
    const bool secure = GENERATE(false, true);
    coalesce = GENERATE(false, true);
    INFO("TLS " << secure << ", coalesced " << coalesce);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto socket = co_await net::websocket_connect(on.target("/echo"));
        REQUIRE(socket.has_value());
        std::mt19937 engine(7);
        std::vector<std::string> sent;
        // Around Beast's header forms (125, 65535) and buffers, and far beyond a socket's buffer.
        for (const std::size_t size :
             {1, 2, 125, 126, 1535, 1536, 1537, 4096, 65535, 65536, 66048, 66049, 200000, 1048576, 0, 3})
            sent.push_back(random_bytes(engine, size));
        for (int i = 0; i < 100; ++i) sent.push_back(random_bytes(engine, engine() % 3000));
        for (std::size_t i = 0; i < sent.size(); i += 2) // text must be UTF-8
            for (auto& each : sent[i]) each = static_cast<char>(each & 0x7f);
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        tasks.spawn("writer", write_many(**socket, sent));
        std::string got = "what was in it before is gone";
        for (std::size_t i = 0; i < sent.size(); ++i) {
            const auto bytes = co_await (*socket)->read(got);
            REQUIRE(bytes.has_value());
            REQUIRE(*bytes == sent[i].size());
            REQUIRE(got == sent[i]);
            REQUIRE((*socket)->last_was_text() == (i % 2 == 0));
        }
        co_await tasks.join();
        const auto closed = co_await (*socket)->close(1000, "bye");
        CHECK(!closed);
        co_await on.server.stop();
        CHECK(on.server.counters().upgraded == 1);
    };
    run(loop, body(at));
}

TEST_CASE("websocket: a refused upgrade shows the status and what the server said", "[net]") {
    const bool secure = GENERATE(false, true);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        for (const unsigned status : {401U, 409U}) {
            net::upgrade_refusal refusal;
            auto target = on.target("/" + std::to_string(status));
            auto socket = co_await net::websocket_connect(std::move(target), &refusal);
            REQUIRE(socket.has_error());
            CHECK(socket.error() == net::errc::upgrade_refused);
            CHECK(refusal.status == status);
        }
        co_await on.server.stop();
        CHECK(on.server.counters().upgraded == 0);
    };
    run(loop, body(at));
}

TEST_CASE("websocket: small messages leave together where that is wanted, and before the close", "[net]") {
    coalesce = GENERATE(false, true);
    asio::io_context loop(1);
    websocket_server at(loop, false);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(on.server.port());
        const auto error = co_await peer->send("GET /fifty HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                               "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                               "Sec-WebSocket-Version: 13\r\n\r\n");
        CHECK(!error);
        std::string got;
        std::size_t reads = 0;
        std::byte some[4096];
        const std::size_t wanted = 50 * 12 + 4; // and the close frame with its code
        for (std::size_t behind = 0; behind == 0 || got.size() < behind + wanted;) {
            const auto waited = co_await peer->transport().wait_readable();
            REQUIRE(!waited);
            const auto read = peer->transport().read_some(some);
            REQUIRE(!read.error);
            got.append(reinterpret_cast<const char*>(some), read.bytes);
            if (behind > 0) ++reads;
            const auto end = got.find("\r\n\r\n");
            if (behind == 0 && end != std::string::npos) behind = end + 4;
        }
        const auto frames = got.substr(got.find("\r\n\r\n") + 4);
        for (std::size_t i = 0; i < 50; ++i)
            REQUIRE(frames.substr(i * 12, 12) == "\x81\x0a"
                                                 "0123456789");
        CHECK(static_cast<unsigned char>(frames[600]) == 0x88);
        CHECK((coalesce ? reads <= 2 : reads > 2));
        peer->transport().close();
        co_await on.server.stop();
    };
    run(loop, body(at));
}

TEST_CASE("websocket: messages that are put arrive in order, however many, and the close behind them", "[net]") {
    coalesce = true;
    const bool secure = GENERATE(false, true);
    INFO("TLS " << secure);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto socket = co_await net::websocket_connect(on.target("/much"));
        REQUIRE(socket.has_value());
        std::string got;
        for (std::size_t i = 0; i < 600; ++i) {
            const auto bytes = co_await (*socket)->read(got);
            REQUIRE(bytes.has_value());
            REQUIRE(got == std::string(i % 3 == 0   ? 100
                                       : i % 3 == 1 ? 1'000
                                                    : 70'000,
                                       static_cast<char>('a' + i % 26)));
            REQUIRE((*socket)->last_was_text() == (i % 2 == 0));
        }
        const auto end = co_await (*socket)->read(got);
        CHECK(end.error() == net::errc::closed_by_peer);
        CHECK((*socket)->close_reason() == "that was all");
        co_await on.server.stop();
    };
    run(loop, body(at));
}

TEST_CASE("websocket: the server's close code and reason arrive, and the subprotocol is agreed", "[net]") {
    coalesce = GENERATE(false, true);
    asio::io_context loop(1);
    websocket_server at(loop, false);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto target = on.target("/close");
        target.options.subprotocol = "link.v1";
        auto socket = co_await net::websocket_connect(std::move(target));
        REQUIRE(socket.has_value());
        std::string message;
        const auto got = co_await (*socket)->read(message);
        CHECK(got.error() == net::errc::closed_by_peer);
        CHECK((*socket)->close_code() == 4001);
        CHECK((*socket)->close_reason() == "replaced by a newer connection");
        co_await on.server.stop();
    };
    run(loop, body(at));
}

TEST_CASE("websocket: a message over the limit closes with 1009", "[net]") {
    const bool secure = GENERATE(false, true);
    const std::size_t size = GENERATE(65, 300000);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on, std::size_t bytes) -> asio::awaitable<void> {
        auto socket = co_await net::websocket_connect(on.target("/small"));
        REQUIRE(socket.has_value());
        const std::string fits(64, 'x');
        std::string message;
        (void)co_await (*socket)->write(core::as_bytes(fits), false);
        const auto echoed = co_await (*socket)->read(message);
        CHECK(echoed.has_value());
        const std::string too_large(bytes, 'x');
        (void)co_await (*socket)->write(core::as_bytes(too_large), false); // may fail or not; the read says why
        const auto got = co_await (*socket)->read(message);
        CHECK(got.error() == net::errc::closed_by_peer);
        CHECK((*socket)->close_code() == 1009);
        co_await on.server.stop();
    };
    run(loop, body(at, size));
}

TEST_CASE("websocket: the client's own limit is an error of read", "[net]") {
    asio::io_context loop(1);
    websocket_server at(loop, false);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto target = on.target("/echo");
        target.options.message_bytes_max = 10;
        auto socket = co_await net::websocket_connect(std::move(target));
        REQUIRE(socket.has_value());
        const std::string text = "eleven chars";
        (void)co_await (*socket)->write(core::as_bytes(text), false);
        std::string message;
        const auto got = co_await (*socket)->read(message);
        CHECK(got.error() == net::errc::message_too_large);
        co_await on.server.stop();
    };
    run(loop, body(at));
}

TEST_CASE("websocket: a silent peer that answers pings is not given up", "[net]") {
    asio::io_context loop(1);
    websocket_server at(loop, false);
    auto alive = [](websocket_server& on) -> asio::awaitable<void> {
        const asio::any_io_executor executor = co_await asio::this_coro::executor;
        auto target = on.target("/echo");
        target.options.idle_timeout = 60ms;
        auto socket = co_await net::websocket_connect(std::move(target));
        REQUIRE(socket.has_value());
        // Longer than several idle timeouts: pings and pongs keep it alive, without a message.
        bool ended = false;
        async::task_group tasks(executor, "test");
        auto read = [](net::websocket& from, bool& over) -> asio::awaitable<void> {
            std::string message;
            (void)co_await from.read(message);
            over = true;
        };
        tasks.spawn("reader", read(**socket, ended));
        asio::steady_timer timer(executor, 400ms);
        auto [waited] = co_await timer.async_wait(async::as_result);
        CHECK(!waited);
        CHECK_FALSE(ended);
        (*socket)->abort();
        co_await tasks.join();
        CHECK(ended);
        co_await on.server.stop();
    };
    run(loop, alive(at));
}

TEST_CASE("websocket: the ping timeout ends the connection of a peer that never answers", "[net]") {
    asio::io_context loop(1);
    auto dead_client = [](asio::io_context& on) -> asio::awaitable<void> {
        core::error_code how;
        async::event over(on.get_executor());
        static core::error_code* how_at;
        static async::event* over_at;
        how_at = &how;
        over_at = &over;
        auto serve = [](std::unique_ptr<net::websocket> socket) -> asio::awaitable<void> {
            std::string message;
            const auto got = co_await socket->read(message);
            *how_at = got.error();
            over_at->notify();
        };
        auto choose = [serve](net::http_request) -> asio::awaitable<net::upgrade_decision> {
            net::websocket_options options;
            options.idle_timeout = 60ms;
            co_return net::upgrade_decision(options, serve);
        };
        net::http_server server(on.get_executor(), server_options(false), no_such_path, choose);
        REQUIRE(server.open().has_value());
        auto peer = co_await raw_peer::connect(server.port());
        const auto error =
            co_await peer->send("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        CHECK(!error);
        const auto answer = co_await peer->receive("\r\n\r\n");
        CHECK(answer.find("101") != std::string::npos);
        CHECK(answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos); // RFC 6455 §1.3
        const auto rest = co_await peer->receive();
        CHECK(rest.substr(0, 1) == "\x89"); // a ping first
        const bool told = co_await over.wait_until(std::chrono::steady_clock::now() + 10s);
        CHECK(told);
        CHECK(how == net::errc::timeout);
        co_await server.stop();
    };
    run(loop, dead_client(loop));
}

TEST_CASE("websocket: stopping the server ends its connections", "[net]") {
    const bool secure = GENERATE(false, true);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto socket = co_await net::websocket_connect(on.target("/echo"));
        REQUIRE(socket.has_value());
        co_await on.server.stop();
        CHECK(on.server.connection_count() == 0);
        std::string message;
        const auto got = co_await (*socket)->read(message);
        CHECK(got.has_error());
        auto late = co_await net::websocket_connect(on.target("/echo"));
        CHECK(late.has_error());
    };
    run(loop, body(at));
}

TEST_CASE("websocket: what cannot be connected to", "[net]") {
    asio::io_context loop(1);
    websocket_server at(loop, true);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto target = on.target("/echo");
        target.ca_file = certificates::get().other_ca;
        auto untrusted = co_await net::websocket_connect(target);
        CHECK(untrusted.error() == net::errc::certificate_refused);
        target.ca_file = "/nonexistent";
        auto no_file = co_await net::websocket_connect(target);
        CHECK(no_file.error() == net::errc::bad_certificate_file);
        target.url = "http://127.0.0.1/";
        auto bad = co_await net::websocket_connect(target);
        CHECK(bad.error() == net::errc::bad_url);
        target.url = "ws://127.0.0.1:" + std::to_string(on.server.port()); // TLS is spoken there
        auto not_tls = co_await net::websocket_connect(target);
        CHECK(not_tls.has_error());
        co_await on.server.stop();
    };
    run(loop, body(at));
}

TEST_CASE("websocket: throughput of 64 KiB messages", "[.][bench]") {
    const bool secure = GENERATE(false, true);
    asio::io_context loop(1);
    websocket_server at(loop, secure);
    auto body = [](websocket_server& on) -> asio::awaitable<void> {
        auto socket = co_await net::websocket_connect(on.target("/echo"));
        REQUIRE(socket.has_value());
        const std::size_t count = 20000;
        const std::string one(64 * 1024, 'x');
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        auto write = [](net::websocket& to, const std::string& what, std::size_t count) -> asio::awaitable<void> {
            for (std::size_t i = 0; i < count; ++i) (void)co_await to.write(core::as_bytes(what), false);
        };
        const auto started = std::chrono::steady_clock::now();
        tasks.spawn("writer", write(**socket, one, count));
        std::string got;
        for (std::size_t i = 0; i < count; ++i) (void)co_await (*socket)->read(got);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        const double moved = static_cast<double>(count * one.size()) / 1e9;
        std::printf("%s: %.2f GB/s each way\n", on.scheme.c_str(), moved / took.count());
        co_await tasks.join();
        (*socket)->abort();
        co_await on.server.stop();
    };
    run(loop, body(at));
}
