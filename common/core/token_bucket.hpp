// A rate with a burst, counted when it is asked: no timer, no allocation, a few additions. Off until it gets a rate.
// Time is the caller's (core::clock), so tests own it. One thread.
#pragma once

#include "common/core/clock.hpp"

#include <algorithm>
#include <cstdint>

namespace core {

class token_bucket {
  public:
    token_bucket() = default;
    explicit token_bucket(double per_second) { limit(per_second); }
    token_bucket(double per_second, double burst) { limit(per_second, burst); }

    /// 0: off, everything passes. The burst is what may come at once: one second's worth unless it is said. A bucket
    /// whose rate changes keeps what is spent.
    void limit(double per_second) noexcept { limit(per_second, per_second); }
    void limit(double per_second, double burst) noexcept {
        level_ = on() ? std::min(level_, burst) : burst;
        rate_ = per_second;
        burst_ = burst;
    }
    bool on() const noexcept { return rate_ > 0; }

    /// Takes `amount` whole or not at all.
    bool take(steady_time now, double amount = 1) noexcept {
        if (!on()) return true;
        fill(now);
        if (level_ < amount) return false;
        level_ -= amount;
        return true;
    }
    /// As `take`, but one that finds anything left may take more than that: something larger than the burst would never
    /// pass otherwise.
    bool take_owing(steady_time now, double amount) noexcept {
        if (!on()) return true;
        if (owes(now)) return false;
        level_ -= amount;
        return true;
    }
    /// As many of `wanted` as there are.
    std::uint32_t take_some(steady_time now, std::uint32_t wanted) noexcept {
        if (!on()) return wanted;
        fill(now);
        const auto taken = static_cast<std::uint32_t>(std::clamp(level_, 0.0, static_cast<double>(wanted)));
        level_ -= taken;
        return taken;
    }
    /// What was spent without asking; the level may fall below zero.
    void spend(double amount) noexcept {
        if (on()) level_ -= amount;
    }
    /// Nothing left, or less.
    bool owes(steady_time now) noexcept {
        if (!on()) return false;
        fill(now);
        return level_ <= 0;
    }

  private:
    void fill(steady_time now) noexcept {
        level_ = std::min(burst_, level_ + std::chrono::duration<double>(now - filled_).count() * rate_);
        filled_ = now;
    }

    double rate_ = 0;
    double burst_ = 0;
    double level_ = 0;
    steady_time filled_{};
};

} // namespace core
