// A small HTTP/1.1 server with WebSocket upgrades, plain or TLS: the front of messaging, the ops ports and the platform
// stand-in. Keep-alive and pipelining (answers in order), every size and time bounded. One thread.
#pragma once

#include "common/core/error.hpp"
#include "common/net/http.hpp"
#include "common/net/tls_context.hpp"
#include "common/net/websocket.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace net {

/// Serves one upgraded connection; the server keeps the task and cancels it when it stops. It ends when this returns.
using websocket_service = std::function<asio::awaitable<void>(std::unique_ptr<websocket>)>;

/// Either a refusal (401, 409 …) or how to serve the connection.
struct upgrade_decision {
    std::optional<http_response> refusal;
    websocket_options options;
    websocket_service serve;

    upgrade_decision() = default;
    explicit upgrade_decision(http_response refused) : refusal(std::move(refused)) {}
    upgrade_decision(websocket_options with, websocket_service by) : options(std::move(with)), serve(std::move(by)) {}
};

using http_handler = std::function<asio::awaitable<http_response>(http_request)>;
using upgrade_handler = std::function<asio::awaitable<upgrade_decision>(http_request)>;

struct http_server_options {
    std::string name = "http"; ///< for the log
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::shared_ptr<tls_context> tls;
    std::size_t connections_max = 4096; ///< more are closed unanswered
    std::uint32_t header_bytes_max = 16 * 1024;
    std::size_t body_bytes_max = 1024 * 1024;
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds request_timeout{15'000}; ///< from its first byte to its last, and for writing the answer
    std::chrono::milliseconds idle_timeout{60'000};    ///< between requests

    http_server_options() = default;
};

struct http_server_counters {
    std::uint64_t connections = 0; ///< accepted
    std::uint64_t requests = 0;    ///< answered by the handlers
    std::uint64_t malformed = 0;   ///< answered 400, 413, 431 by the server itself
    std::uint64_t timed_out = 0;
    std::uint64_t refused = 0;  ///< over `connections_max`
    std::uint64_t upgraded = 0; ///< WebSockets served
};

class http_server {
  public:
    /// `upgrade` may be empty: upgrades are then answered 404.
    http_server(asio::any_io_executor executor, http_server_options options, http_handler handler,
                upgrade_handler upgrade = {});
    /// `stop` must have been awaited, or the executor's loop must not run any more.
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Listens and starts to accept.
    core::result<void> open();
    std::uint16_t port() const noexcept;

    /// Stops to accept, cancels handlers and upgraded connections, closes everything and waits for it.
    asio::awaitable<void> stop();

    const http_server_counters& counters() const noexcept;
    std::size_t connection_count() const noexcept;

  private:
    class state;
    std::unique_ptr<state> state_;
};

} // namespace net
