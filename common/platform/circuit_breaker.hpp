// Whether the platform should be asked now. After some failures in a row nothing is asked for a while, then one request
// is let through to see; its success lets all through again. No I/O; the clock outlives it.
#pragma once

#include "common/core/clock.hpp"

#include <chrono>
#include <cstdint>

namespace platform {

class circuit_breaker {
  public:
    struct options {
        std::uint32_t failures_max = 5; ///< in a row: the last of them opens
        std::chrono::milliseconds pause{10'000};
        std::chrono::milliseconds pause_max{60'000}; ///< also for what the platform asks for (429, Retry-After)
    };

    circuit_breaker(const core::clock& clock, options with) noexcept : clock_(clock), with_(with) {}

    /// True: send one request, and tell how it went by one of the three calls below.
    bool allow() noexcept;

    /// The platform answered, whatever it said about the request.
    void succeeded() noexcept;
    /// No answer, or one that says the platform is in trouble.
    void failed() noexcept;
    /// The platform wants fewer requests: none for `wait`, or for the pause when it names no time.
    void throttled(std::chrono::milliseconds wait) noexcept;

    bool open() const noexcept { return open_; }
    std::uint64_t openings() const noexcept { return openings_; }

  private:
    void open_for(std::chrono::milliseconds time) noexcept;

    const core::clock& clock_;
    options with_;
    std::uint32_t failures_ = 0;
    std::uint64_t openings_ = 0;
    bool open_ = false;
    bool probing_ = false;         ///< while open: a probe was sent
    core::steady_time probe_at_{}; ///< while open: when the next request may go as a probe
};

} // namespace platform
