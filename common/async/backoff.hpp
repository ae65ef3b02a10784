// Delays between attempts: doubling up to a cap, with jitter so that many clients do not come back at the same moment.
#pragma once

#include <chrono>
#include <functional>

namespace async {

class backoff {
  public:
    using duration = std::chrono::milliseconds;
    /// Gives a number in [0, 1).
    using random = std::function<double()>;

    backoff(duration first, duration max);
    backoff(duration first, duration max, random source);

    /// The next delay: between half and all of first, 2 × first, 4 × first … never more than max.
    duration next();
    /// After a success: the next delay starts over.
    void reset() noexcept;
    /// Delays given since the last reset.
    unsigned attempts() const noexcept { return attempts_; }

  private:
    duration first_;
    duration max_;
    duration full_;
    unsigned attempts_ = 0;
    random random_;
};

} // namespace async
