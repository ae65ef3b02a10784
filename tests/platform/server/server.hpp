// platform-sim as a process sees it: the HTTP port, faults acted out, consumers served. One thread.
#pragma once

#include "common/net/http_server.hpp"
#include "tests/platform/routes/platform.hpp"
#include "tests/platform/server/consumer_connection.hpp"
#include "tests/platform/server/options.hpp"

namespace platform_sim::server {

class server {
  public:
    server(net::asio::any_io_executor executor, options with, const core::clock& clock);
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    core::result<void> open();
    std::uint16_t port() const noexcept { return http_.port(); }
    /// Must be awaited before this is destroyed, unless the loop does not run any more.
    net::asio::awaitable<void> stop();
    routes::platform& platform() noexcept { return platform_; }

  private:
    net::asio::awaitable<net::http_response> answer(net::http_request request);
    net::asio::awaitable<net::upgrade_decision> upgrade(net::http_request request);
    net::asio::awaitable<void> wait(std::chrono::milliseconds time);
    void log_answer(const net::http_request& request, unsigned status) const;
    net::http_server_options http_options() const;

    net::asio::any_io_executor executor_;
    options options_;
    routes::platform platform_;
    consumer_connection::registry consumers_;
    net::http_server http_;
};

} // namespace platform_sim::server
