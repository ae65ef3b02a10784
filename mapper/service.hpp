// The object that owns the mapper: the link, the HTTP client, a tenant each, the ops port. Built by main, one thread.
#pragma once

#include "common/async/task_group.hpp"
#include "common/core/clock.hpp"
#include "common/net/http_client.hpp"
#include "common/net/http_server.hpp"
#include "common/ops/health.hpp"
#include "common/ops/metrics.hpp"
#include "common/ops/ops_routes.hpp"
#include "mapper/config.hpp"
#include "mapper/tenant.hpp"
#include "mapper/uplink/link_router.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace mapper {

class service {
  public:
    service(asio::io_context& loop, config settings);
    ~service();

    /// Opens the ops port and starts the link. False with a sentence for the operator. A tenant whose mappings have a
    /// mistake waits for good ones; the others work.
    bool start(std::string& why_not);
    /// Stops taking messages, acknowledges what the platform accepted, closes.
    asio::awaitable<void> stop();
    std::uint16_t port() const noexcept { return server_ ? server_->port() : 0; }
    /// Mappings anew, also when their files did not change (SIGHUP).
    void reload();
    bool ready() const noexcept { return health_.is_ready(); }
    const ops::metrics& numbers() const noexcept { return metrics_; }

  private:
    void make_link();
    bool open_ops(std::string& why_not);
    asio::awaitable<net::http_response> answer(net::http_request request);
    asio::awaitable<void> tick_loop();
    void check_health();

    asio::io_context& loop_;
    config settings_;
    core::system_clock clock_;
    ops::health health_;
    ops::metrics metrics_;
    ops::ops_routes ops_;
    meters meters_;
    async::task_group tasks_;
    asio::steady_timer ticker_;
    std::unique_ptr<net::http_client> http_;
    std::unique_ptr<uplink::link_router> link_;
    std::vector<std::unique_ptr<tenant>> tenants_;
    std::unique_ptr<net::http_server> server_;
};

} // namespace mapper
