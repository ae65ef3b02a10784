// Messaging's one port: routes HTTP requests and upgrades to the endpoints. The endpoints of the original's API hang
// themselves in here as `route`s, so that the link works without them and they without the link.
#pragma once

#include "common/auth/link_token.hpp"
#include "common/net/http_server.hpp"
#include "common/ops/ops_routes.hpp"
#include "messaging/endpoint/link_endpoint.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace messaging::endpoint {

struct route {
    std::string path;             ///< with and without a last slash
    bool below = false;           ///< every path below it, too
    net::http_handler handle;     ///< may be empty
    net::upgrade_handler upgrade; ///< may be empty
};

class front {
  public:
    front(const ops::ops_routes& ops, const auth::link_secret& secret, link_sessions& sessions, const core::clock& time)
        : ops_(ops), secret_(secret), sessions_(sessions), clock_(time) {}

    void add(route one) { routes_.push_back(std::move(one)); }
    net::http_handler handler();
    net::upgrade_handler upgrader();
    const link_counters& counters() const noexcept { return counters_; }
    std::uint64_t refused_tokens() const noexcept { return refused_tokens_; }
    /// Upgrades to /link that did not ask for the link's subprotocol.
    std::uint64_t refused_subprotocols() const noexcept { return refused_subprotocols_; }

  private:
    asio::awaitable<net::http_response> handle(net::http_request request);
    asio::awaitable<net::upgrade_decision> upgrade(net::http_request request);
    net::upgrade_decision upgrade_link(const net::http_request& request);
    const route* find(std::string_view path) const noexcept;

    const ops::ops_routes& ops_;
    const auth::link_secret& secret_;
    link_sessions& sessions_;
    const core::clock& clock_;
    std::vector<route> routes_;
    link_counters counters_;
    std::uint64_t refused_tokens_ = 0;
    std::uint64_t refused_subprotocols_ = 0;
};

} // namespace messaging::endpoint
