// The object that owns the broker: link, logins, listeners, ops port. Built by main, run on one thread.
#pragma once

#include "broker/admin/client_routes.hpp"
#include "broker/config.hpp"
#include "broker/edge/listener.hpp"
#include "broker/login/authenticator.hpp"
#include "broker/relay/relay.hpp"
#include "broker/reloader.hpp"
#include "common/auth/credential_cache.hpp"
#include "common/auth/file_provider.hpp"
#include "common/auth/file_trust.hpp"
#include "common/auth/platform_login.hpp"
#include "common/core/clock.hpp"
#include "common/net/http_server.hpp"
#include "common/net/tls_context.hpp"
#include "common/ops/health.hpp"
#include "common/ops/metrics.hpp"
#include "common/ops/ops_routes.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace broker {

namespace asio = boost::asio;

class service {
  public:
    service(asio::io_context& loop, config settings);
    ~service();

    bool start(std::string& why_not);
    asio::awaitable<void> stop();
    /// Settings, users and certificates anew (SIGHUP); running connections stay.
    void reload();
    std::uint16_t plain_port() const noexcept { return plain_port_; }
    std::uint16_t tls_port() const noexcept { return tls_port_; }
    std::uint16_t ops_port() const noexcept { return ops_server_->port(); }

  private:
    std::string read_token(std::string& why_not) const;
    bool open_auth(std::string& why_not);
    const auth::tenant_options* options_of(std::string_view tenant) const;
    login::tenant_rules rules_of(std::string_view tenant) const;
    void recheck_certificates(std::string_view tenant = {});
    bool open_doors(std::string& why_not);
    bool open_ops(std::string& why_not);
    bool open_one(const listen_config& door, std::shared_ptr<net::tls_context> tls, std::uint16_t& port,
                  std::string& why_not);
    asio::awaitable<net::http_response> answer(net::http_request request);

    asio::io_context& loop_;
    config settings_;
    core::system_clock clock_;
    ops::health health_;
    ops::metrics metrics_;
    ops::ops_routes ops_;
    edge::edge_counters counters_;
    std::vector<std::byte> scratch_;
    std::unique_ptr<auth::file_provider> users_; ///< null with the platform as provider and no file
    std::unique_ptr<auth::credential_cache> file_cache_;
    std::unique_ptr<auth::file_trust> file_trust_;
    std::unique_ptr<auth::platform_login> platform_;
    auth::credential_cache* cache_ = nullptr; ///< whichever is in force
    auth::trust_source* trust_ = nullptr;
    std::unique_ptr<login::authenticator> logins_;
    tenant::meters meters_;
    std::unique_ptr<tenant::tenant_registry> tenants_;
    std::unique_ptr<relay::relay> relay_;
    std::optional<edge::reporter> reports_;
    std::shared_ptr<net::tls_context> tls_;
    std::optional<edge::shared_parts> shared_;
    std::unique_ptr<edge::listener> listener_;
    std::unique_ptr<reloader> reloads_;
    std::unique_ptr<admin::gatekeeper> gate_;
    std::unique_ptr<admin::client_routes> routes_;
    std::unique_ptr<net::http_server> ops_server_;
    std::uint16_t plain_port_ = 0;
    std::uint16_t tls_port_ = 0;
};

} // namespace broker
