// Settings, users and certificates anew while everything runs: on SIGHUP, and when their files change. Each of the
// three is taken whole or not at all; a bad file costs one error line and a count. Connections stay. Loop only, except
// that users are read beside it.
#pragma once

#include "broker/config.hpp"
#include "broker/tenant/tenant_registry.hpp"
#include "common/async/task_group.hpp"
#include "common/auth/file_provider.hpp"
#include "common/net/tls_context.hpp"
#include "common/ops/file_watch.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace broker {

namespace asio = boost::asio;

struct reload_count {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
};

class reloader {
  public:
    /// All outlive it. `settings` are the ones in force and are changed in place; `users` and `tls` may be null.
    reloader(asio::any_io_executor executor, config& settings, auth::file_provider* users,
             tenant::tenant_registry& tenants, std::shared_ptr<net::tls_context> tls);

    /// Watches the files as they are now.
    void start();
    asio::awaitable<void> stop();
    /// All three, whether their files changed or not.
    void reload_all();

    const reload_count& settings_count() const noexcept { return settings_count_; }
    const reload_count& users_count() const noexcept { return users_count_; }
    const reload_count& certificates_count() const noexcept { return certificates_count_; }

  private:
    void on_change(const std::string& group);
    void reload_settings();
    void reload_users();
    void on_users(const std::string& complaints);
    void reload_certificates();
    void apply(config fresh);
    void watch_certificates();

    config& settings_;
    auth::file_provider* users_;
    tenant::tenant_registry& tenants_;
    std::shared_ptr<net::tls_context> tls_;
    ops::file_watch watch_;
    async::task_group tasks_;
    reload_count settings_count_;
    reload_count users_count_;
    reload_count certificates_count_;
};

} // namespace broker
