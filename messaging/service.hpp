// The object that owns messaging: store, hub, sessions and the port. Built by main, run on one thread.
#pragma once

#include "common/async/task_group.hpp"
#include "common/async/turn_call.hpp"
#include "common/auth/credential_cache.hpp"
#include "common/auth/file_provider.hpp"
#include "common/auth/link_token.hpp"
#include "common/auth/login_guard.hpp"
#include "common/auth/platform_login.hpp"
#include "common/core/clock.hpp"
#include "common/net/http_server.hpp"
#include "common/ops/file_watch.hpp"
#include "common/ops/health.hpp"
#include "common/ops/metrics.hpp"
#include "common/ops/ops_routes.hpp"
#include "messaging/admin/management_api.hpp"
#include "messaging/config.hpp"
#include "messaging/endpoint/front.hpp"
#include "messaging/endpoint/link_sessions.hpp"
#include "messaging/endpoint/notification_api.hpp"
#include "messaging/topic/alarm_board.hpp"
#include "messaging/topic/hub.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace messaging {

namespace asio = boost::asio;

class service {
  public:
    service(asio::io_context& loop, config settings);
    ~service();

    /// Opens store and port; blocks while the store recovers. False with a sentence for the operator.
    bool start(std::string& why_not);
    /// Stops accepting, settles what is on its way, closes the store.
    asio::awaitable<void> stop();
    /// The port in use after start.
    std::uint16_t port() const noexcept { return server_ ? server_->port() : 0; }
    /// Users, certificates and the limits of tenants anew (SIGHUP, and when their files change); on SIGHUP the declared
    /// subscriptions, too.
    void reload();

  private:
    bool open_store(std::string& why_not);
    bool open_api(std::string& why_not);
    bool open_auth(std::string& why_not);
    void use_tenant_limits();
    topic::limits limits_of(std::string_view tenant) const;
    void declare_metrics();
    void reload_users();
    void reload_subscriptions();
    void reload_certificates();
    void watch_files();
    asio::awaitable<void> tick_loop();

    asio::io_context& loop_;
    config settings_;
    core::system_clock clock_;
    ops::health health_;
    ops::metrics metrics_;
    ops::ops_routes ops_;
    std::optional<auth::link_secret> secret_;
    std::unique_ptr<auth::file_provider> users_;
    std::unique_ptr<auth::credential_cache> file_logins_;
    std::unique_ptr<auth::platform_login> platform_;
    auth::credential_cache* logins_ = nullptr; ///< whichever is in force; null: none
    std::unique_ptr<auth::login_guard> guard_; ///< before it; where there is one
    std::shared_ptr<net::tls_context> tls_;
    std::unique_ptr<store::file_system> files_;
    std::unique_ptr<async::turn_call> turn_;
    std::unique_ptr<topic::hub> hub_;
    std::unique_ptr<topic::alarm_board> alarms_;
    std::unique_ptr<endpoint::link_sessions> sessions_;
    std::unique_ptr<endpoint::front> front_;
    std::unique_ptr<endpoint::notification_api> api_;   ///< only where somebody can tell who may log in
    std::unique_ptr<admin::management_api> management_; ///< likewise
    std::unique_ptr<net::http_server> server_;
    ops::file_watch watch_;
    async::task_group tasks_;
    asio::steady_timer ticker_;
};

} // namespace messaging
