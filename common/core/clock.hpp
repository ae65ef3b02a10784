// Steady and wall time behind an interface, so that tests own time (tests/support/manual_clock.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace core {

using steady_time = std::chrono::steady_clock::time_point;

class clock {
  public:
    virtual ~clock() = default;
    /// Never goes back; for timeouts, leases and rates.
    virtual steady_time now() const noexcept = 0;
    /// Unix milliseconds; may jump; for people and for the platform.
    virtual std::int64_t wall_ms() const noexcept = 0;
};

class system_clock final : public clock {
  public:
    steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }
    std::int64_t wall_ms() const noexcept override {
        using namespace std::chrono;
        return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }
};

/// ISO 8601 in UTC with milliseconds: `2026-02-03T10:15:30.000Z`.
std::string iso_time(std::int64_t unix_ms);

} // namespace core
