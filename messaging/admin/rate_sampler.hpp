// Message rates of topics and acknowledgement rates of subscriptions (ref H.1), from their counters, so that counting
// costs the hot path nothing. Walks all tenants in slices; loop only.
#pragma once

#include "common/core/clock.hpp"
#include "messaging/topic/hub.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace messaging::admin {

class rate_sampler {
  public:
    static constexpr std::size_t looks_per_tick = 1'000;
    static constexpr std::uint32_t interval_s = 5; ///< a rate is the mean of at least this long

    /// Both outlive it.
    rate_sampler(topic::hub& of, const core::clock& time);
    /// Every 100 ms: the next `looks_per_tick` topics and subscriptions.
    void tick();

  private:
    std::size_t sample_tenant(topic::tenant& one, std::uint32_t now_s, std::size_t budget);
    std::uint32_t now_s() const noexcept;

    topic::hub& hub_;
    const core::clock& clock_;
    core::steady_time begun_;
    std::string tenant_; ///< where the walk stands
    std::string space_;
    std::size_t bucket_ = 0;
    bool in_topics_ = true;
};

} // namespace messaging::admin
