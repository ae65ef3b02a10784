#include "common/auth/platform_login.hpp"

#include <algorithm>

namespace auth {
namespace {

/// Connections beside those of logins, for trusted certificates and subscriptions.
constexpr std::size_t background_connections = 12;

net::http_client_options http_options(const platform_settings& from) {
    net::http_client_options options;
    options.ca_file = from.ca_file;
    options.connect_timeout = from.timeout;
    options.request_timeout = from.timeout;
    options.connections_per_origin_max = from.concurrent_max + background_connections;
    return options;
}

platform_provider::options provider_options(const platform_settings& from) {
    platform_provider::options options;
    options.concurrent_max = from.concurrent_max;
    options.waiting_max = from.waiting_max;
    options.waiting_time = from.timeout * 2;
    options.breaker.failures_max = from.failures_max;
    options.breaker.pause = from.pause;
    options.breaker.pause_max = std::max(options.breaker.pause_max, from.pause);
    return options;
}

credential_cache::options cache_options(const platform_settings& from) {
    credential_cache::options options;
    options.lifetime = from.lifetime;
    options.negative_lifetime = from.negative_lifetime;
    options.stale_lifetime = from.stale_lifetime;
    options.refresh_before = from.lifetime / 3;
    return options;
}

} // namespace

platform_login::platform_login(const asio::any_io_executor& executor, const platform_settings& settings,
                               const core::clock& clock, post_function post, bool with_certificates)
    : http_(executor, http_options(settings)) {
    provider_ = std::make_unique<platform_provider>(executor, factory(settings.url), clock, provider_options(settings));
    cache_ = std::make_unique<credential_cache>(*provider_, clock, std::move(post), cache_options(settings));
    if (!with_certificates) return;
    std::unique_ptr<platform::rest> bootstrap;
    if (!settings.bootstrap.tenant.empty())
        bootstrap = std::make_unique<platform::platform_client>(http_, settings.url, settings.bootstrap);
    auto who = std::make_unique<platform::service_credentials>(settings.service_users, std::move(bootstrap));
    platform_trust::options options;
    options.refresh = settings.certificates_refresh;
    options.stale_lifetime = settings.stale_lifetime;
    trust_ = std::make_unique<platform_trust>(executor, factory(settings.url), std::move(who), clock, options);
}

rest_factory platform_login::factory(const std::string& url) {
    return [this, url](const platform::credentials& who) -> std::unique_ptr<platform::rest> {
        return std::make_unique<platform::platform_client>(http_, url, who);
    };
}

asio::awaitable<void> platform_login::stop() {
    if (trust_) co_await trust_->stop();
    co_await provider_->stop();
    http_.stop();
}

} // namespace auth
