// The stand-in's bad days: slow, failing, throttling or silent on demand. Decides per request, acts nowhere.
#pragma once

#include "common/core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

namespace platform_sim::model {

struct fault_settings {
    std::chrono::milliseconds delay{0};
    double fail_share = 0;                ///< answered 500 before anything is done
    double hang_share = 0;                ///< never answered
    std::uint32_t requests_per_s_max = 0; ///< 0: no limit; more are answered 429 with Retry-After
    bool down = false;                    ///< answered 503, whatever the rest says
    std::string path;                     ///< only what begins so is disturbed: `/user/`; empty: everything
};

class fault_plan {
  public:
    enum class verdict { serve, fail, throttle, hang, down };

    explicit fault_plan(std::uint64_t seed) : random_(seed) {}

    void set(fault_settings with) noexcept { settings_ = std::move(with); }
    const fault_settings& settings() const noexcept { return settings_; }
    verdict decide(core::steady_time now) {
        if (settings_.down) return verdict::down;
        if (throttled(now)) return verdict::throttle;
        std::uniform_real_distribution<double> share(0, 1);
        if (settings_.hang_share > 0 && share(random_) < settings_.hang_share) return verdict::hang;
        if (settings_.fail_share > 0 && share(random_) < settings_.fail_share) return verdict::fail;
        return verdict::serve;
    }

  private:
    bool throttled(core::steady_time now) {
        if (settings_.requests_per_s_max == 0) return false;
        if (now - second_began_at_ >= std::chrono::seconds(1)) {
            second_began_at_ = now;
            in_this_second_ = 0;
        }
        return ++in_this_second_ > settings_.requests_per_s_max;
    }

    fault_settings settings_;
    std::mt19937_64 random_;
    core::steady_time second_began_at_{};
    std::uint32_t in_this_second_ = 0;
};

} // namespace platform_sim::model
