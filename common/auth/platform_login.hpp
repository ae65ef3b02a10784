// All a process needs to let the platform decide who may come in: the HTTP client, the provider with its cache, and,
// where client certificates come, the trusted certificates. Owned by the service; stop it before its end.
#pragma once

#include "common/auth/auth_settings.hpp"
#include "common/auth/credential_cache.hpp"
#include "common/auth/platform_provider.hpp"
#include "common/auth/platform_trust.hpp"
#include "common/net/http_client.hpp"

#include <memory>

namespace auth {

class platform_login {
  public:
    /// `clock` outlives it; `post` as for a provider.
    platform_login(const asio::any_io_executor& executor, const platform_settings& settings, const core::clock& clock,
                   post_function post, bool with_certificates);

    /// The provider to ask: it remembers.
    credential_cache& cache() noexcept { return *cache_; }
    const platform_provider& provider() const noexcept { return *provider_; }
    /// Null without certificates.
    platform_trust* trust() noexcept { return trust_.get(); }
    const platform_trust* trust() const noexcept { return trust_.get(); }

    asio::awaitable<void> stop();

  private:
    rest_factory factory(const std::string& url);

    net::http_client http_;
    std::unique_ptr<platform_provider> provider_;
    std::unique_ptr<credential_cache> cache_;
    std::unique_ptr<platform_trust> trust_;
};

} // namespace auth
