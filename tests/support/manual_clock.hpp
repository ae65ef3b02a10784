// A clock that moves only when the test says so.
#pragma once

#include "common/core/clock.hpp"

namespace support {

class manual_clock final : public core::clock {
  public:
    core::steady_time now() const noexcept override { return now_; }
    std::int64_t wall_ms() const noexcept override { return wall_ms_; }

    void advance(std::chrono::milliseconds by) {
        now_ += by;
        wall_ms_ += by.count();
    }
    void jump_wall(std::chrono::milliseconds by) { wall_ms_ += by.count(); }

  private:
    core::steady_time now_{std::chrono::hours(1000)};
    std::int64_t wall_ms_ = 1'767'225'600'000; // 2026-01-01T00:00:00Z
};

} // namespace support
