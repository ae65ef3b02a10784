// The provider that asks the platform: `GET /user/currentUser` with the device's own credentials (ref A.4, E.7), so
// that a tenant never seen before needs no set-up. Bounded in requests at a time, in logins that wait and in their
// time; a platform in trouble is left alone for a while. A credential_cache stands before it. All calls on the loop's
// thread.
#pragma once

#include "common/async/task_group.hpp"
#include "common/auth/provider.hpp"
#include "common/core/clock.hpp"
#include "common/platform/circuit_breaker.hpp"
#include "common/platform/platform_client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace auth {

namespace asio = boost::asio;

/// Who can send one request as somebody; what it needs must outlive the provider's tasks.
using rest_factory = std::function<std::unique_ptr<platform::rest>(const platform::credentials&)>;

struct platform_provider_counters {
    std::uint64_t requests = 0;
    std::uint64_t accepted = 0;
    std::uint64_t wrong = 0;       ///< the platform says the credentials are
    std::uint64_t failed = 0;      ///< no answer, 5xx, or one without sense
    std::uint64_t throttled = 0;   ///< 429
    std::uint64_t not_asked = 0;   ///< logins answered unavailable at once, because the platform is in trouble
    std::uint64_t turned_away = 0; ///< logins that found the queue full, or waited in it too long
};

class platform_provider final : public provider {
  public:
    struct options {
        std::size_t concurrent_max = 16;                ///< requests at a time
        std::size_t waiting_max = 1000;                 ///< logins that wait for one of those
        std::chrono::milliseconds waiting_time{10'000}; ///< a login that waited longer is answered busy
        platform::circuit_breaker::options breaker{};
    };

    /// `clock` outlives the provider and its tasks.
    platform_provider(asio::any_io_executor executor, rest_factory as, const core::clock& clock, options with);
    /// Drops the calls that are not answered yet.
    ~platform_provider() override;

    /// Errors: wrong_credentials (401, 403, and what cannot be sent as Basic credentials), busy, unavailable (no
    /// answer, 429, 5xx, or not asked because of those).
    void verify(credentials with, verify_callback done) override;

    asio::awaitable<void> stop();
    const platform_provider_counters& counters() const noexcept;
    const platform::circuit_breaker& breaker() const noexcept;
    std::size_t waiting() const noexcept;

  private:
    struct state;
    std::shared_ptr<state> state_; // shared with requests under way, which may end after us
};

} // namespace auth
