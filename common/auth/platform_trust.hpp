// Chains judged by the trusted certificates of the platform (ref F.3, F.5): each tenant's are fetched when it is first
// needed and refreshed in the background with the service user of that tenant; while the platform is down the last
// known ones count. All calls on the loop's thread.
#pragma once

#include "common/auth/platform_provider.hpp"
#include "common/auth/trust_source.hpp"
#include "common/core/clock.hpp"
#include "common/platform/service_credentials.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace auth {

struct platform_trust_counters {
    std::uint64_t fetched = 0;
    std::uint64_t failed = 0;
    std::uint64_t changed = 0; ///< fetches that brought something else than before
};

class platform_trust final : public trust_source {
  public:
    struct options {
        std::chrono::milliseconds refresh{60'000}; ///< from the end of one round over all tenants to the next
        std::chrono::milliseconds retry{5'000};    ///< after a failure a tenant is asked again no sooner
        std::chrono::milliseconds stale_lifetime{86'400'000}; ///< how long what was fetched counts without a refresh
        std::size_t waiting_max = 1000;                       ///< logins that wait for a first fetch
        std::size_t concurrent_max = 4;                       ///< first fetches at a time
        std::size_t round_concurrent_max = 8;                 ///< tenants of one round at a time, beside those
    };

    /// `clock` outlives the tasks.
    platform_trust(asio::any_io_executor executor, rest_factory as, std::unique_ptr<platform::service_credentials> who,
                   const core::clock& clock, options with);
    ~platform_trust() override;

    void start();
    asio::awaitable<void> stop();
    /// Begins the next round now.
    void refresh();

    /// Errors beside those of trust_store: unavailable (not fetched yet, and cannot be now; for a client that names no
    /// tenant: not all are fetched yet), busy. no_service_user (in that tenant).
    void judge(core::tenant_id named, std::vector<std::string> chain, judge_callback done) override;
    core::result<void> still_trusted(const core::tenant_id& tenant, const device_identity& device) const override;
    /// Called after anchors or revocations of that tenant changed.
    void on_change(std::function<void(const core::tenant_id& tenant)> listener);

    const platform_trust_counters& counters() const noexcept;
    std::size_t tenants() const noexcept;
    std::size_t anchors() const noexcept;

  private:
    struct state;
    std::shared_ptr<state> state_; // shared with requests under way, which may end after us
};

} // namespace auth
