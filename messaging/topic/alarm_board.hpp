// What messaging has to tell a tenant's administrators (ref A.11): one small message on the tenant's topic
// `$debug/$alarm`, which the mapper raises as an alarm; the same one at most once a minute. Loop only.
#pragma once

#include "messaging/topic/hub.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace messaging::topic {

class alarm_board {
  public:
    static constexpr std::size_t entries_max = 10'000; ///< tenants and types at a time

    alarm_board(hub& to, const core::clock& time) : hub_(to), clock_(time) {}

    void raise(const std::string& tenant, std::string_view type);
    std::uint64_t published() const noexcept { return published_; }
    /// Within the minute, or refused by the store.
    std::uint64_t held_back() const noexcept { return held_back_; }

  private:
    struct state {
        core::steady_time next{};
        std::uint64_t unsaid = 0;
    };
    state* state_of(const std::string& tenant, std::string_view type, core::steady_time now);

    hub& hub_;
    const core::clock& clock_;
    std::map<std::pair<std::string, std::string>, state> states_;
    std::uint64_t published_ = 0;
    std::uint64_t held_back_ = 0;
};

} // namespace messaging::topic
