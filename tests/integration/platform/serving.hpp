// platform-sim on a loopback port inside the test's own loop, with a REST client and notification consumers.
#pragma once

#include "common/async/timeout.hpp"
#include "common/net/encoding.hpp"
#include "common/net/http_client.hpp"
#include "tests/platform/model/json.hpp"
#include "tests/platform/server/server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace serving {

namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace json = platform_sim::model::json;

/// Runs the loop until `body` ends; fails the test after 30 s, and passes on what `body` throws.
inline void run(asio::io_context& loop, asio::awaitable<void> body) {
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr error) {
        done = true;
        thrown = std::move(error);
    });
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    loop.restart();
    while (!done && std::chrono::steady_clock::now() < deadline) loop.run_one_for(1s);
    if (thrown) std::rethrow_exception(thrown);
    REQUIRE(done);
}

inline platform_sim::server::options options_from(std::vector<std::string> arguments) {
    arguments.push_back("--port=0");
    auto parsed = platform_sim::server::parse_options(arguments);
    REQUIRE(parsed.problem.empty());
    return std::move(parsed.value);
}

class platform {
  public:
    explicit platform(std::vector<std::string> arguments = {})
        : server_(loop_.get_executor(), options_from(std::move(arguments)), clock_),
          client_(loop_.get_executor(), net::http_client_options()) {
        REQUIRE(server_.open().has_value());
    }
    ~platform() {
        client_.stop();
        run(loop_, server_.stop());
    }

    using body = asio::awaitable<void> (*)(platform&);
    void play(body what) { run(loop_, what(*this)); }

    asio::awaitable<core::result<net::http_response>>
    try_send(std::string method, std::string path, std::string text = {}, std::chrono::milliseconds patience = 10s) {
        net::http_request_out request(std::move(method), "http://127.0.0.1:" + std::to_string(server_.port()) + path);
        request.headers.set("Authorization", net::basic_authorization("t0815/admin", "admin-secret"));
        request.headers.set("Accept", "application/json");
        request.headers.set("Content-Type", "application/json");
        request.body = std::move(text);
        request.timeout = patience;
        auto got = co_await client_.request(std::move(request));
        co_return got;
    }
    asio::awaitable<net::http_response> send(std::string method, std::string path, std::string text = {}) {
        auto got = co_await try_send(std::move(method), std::move(path), std::move(text));
        if (!got) throw std::runtime_error("request failed: " + got.error().message());
        co_return std::move(*got);
    }
    /// The ID of what POST created.
    asio::awaitable<std::string> create(std::string path, std::string text) {
        auto got = co_await send("POST", std::move(path), std::move(text));
        REQUIRE(got.status == 201);
        const auto object = platform_sim::model::parse_object(got.body);
        REQUIRE(object);
        co_return std::string(platform_sim::model::text_member(*object, "id"));
    }
    asio::awaitable<std::string> token(std::string more = {}) {
        auto got =
            co_await send("POST", "/notification2/token", R"({"subscriber":"s1","subscription":"out")" + more + "}");
        REQUIRE(got.status == 200);
        const auto object = platform_sim::model::parse_object(got.body);
        REQUIRE(object);
        co_return std::string(platform_sim::model::text_member(*object, "token"));
    }
    /// Null when refused; then `refused_with` has the status.
    asio::awaitable<std::unique_ptr<net::websocket>> consume(std::string token_text,
                                                             std::string path = "/notification2/consumer/") {
        net::websocket_target target;
        target.url = "ws://127.0.0.1:" + std::to_string(server_.port()) + path + "?token=" + token_text;
        net::upgrade_refusal refusal;
        auto connected = co_await net::websocket_connect(std::move(target), &refusal);
        refused_with = refusal.status;
        if (!connected) co_return nullptr;
        co_return std::move(*connected);
    }
    /// Waits with a deadline until the stand-in's statistics contain `wanted`.
    asio::awaitable<void> until_statistics(std::string wanted) {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        for (;;) {
            auto got = co_await send("GET", "/sim/stats");
            if (got.body.find(wanted) != std::string::npos) co_return;
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("never seen: " + wanted + " in " + got.body);
        }
    }
    asio::io_context& loop() noexcept { return loop_; }

    unsigned refused_with = 0;

  private:
    asio::io_context loop_{1};
    core::system_clock clock_;
    platform_sim::server::server server_;
    net::http_client client_;
};

/// The next frame; an empty text when the connection ended. Bounded by 10 s.
inline asio::awaitable<std::string> next_frame(net::websocket& from) {
    async::timeout limit(from.executor(), 10s, [&from] { from.abort(); });
    std::string frame;
    const auto got = co_await from.read(frame);
    if (!got) frame.clear();
    co_return frame;
}

inline std::string ack_of(const std::string& frame) { return frame.substr(0, frame.find('\n')); }
inline std::string rest_of(const std::string& frame) { return frame.substr(frame.find('\n') + 1); }

inline asio::awaitable<void> say(net::websocket& to, std::string text) {
    const auto failed = co_await to.write(core::as_bytes(text), true);
    if (failed) throw std::runtime_error("write failed: " + failed.message());
}

} // namespace serving
