// Durations in nanoseconds, counted in 64 steps per power of two (under 1.6 % error). Recording costs a few
// nanoseconds.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class histogram {
  public:
    void record(std::uint64_t value) noexcept {
        ++counts_[index_of(value)];
        ++count_;
        if (value > max_) max_ = value;
    }
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t max() const noexcept { return max_; }

    /// The value that `share` (0 to 1) of all are not above; 0 when nothing was recorded.
    std::uint64_t quantile(double share) const noexcept {
        if (count_ == 0) return 0;
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1)) + 1;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen >= wanted) return upper_of(i) < max_ ? upper_of(i) : max_;
        }
        return max_;
    }

  private:
    static constexpr unsigned step_bits = 6;
    static constexpr std::uint64_t steps = 1u << step_bits;

    static std::size_t index_of(std::uint64_t value) noexcept {
        if (value < steps) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
        return static_cast<std::size_t>((shift + 1) * steps + (value >> shift) - steps);
    }
    static std::uint64_t upper_of(std::size_t index) noexcept {
        if (index < steps) return index;
        const auto shift = index / steps - 1;
        return ((index % steps + steps + 1) << shift) - 1;
    }

    std::array<std::uint64_t, steps * (64 - step_bits + 1)> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace bench
