#include "common/async/backoff.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace async {

namespace {

double from_device() {
    static thread_local std::mt19937_64 engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

} // namespace

backoff::backoff(duration first, duration max) : backoff(first, max, from_device) {}

backoff::backoff(duration first, duration max, random source)
    : first_(std::max(first, duration(1))), max_(std::max(max, first_)), full_(first_), random_(std::move(source)) {}

backoff::duration backoff::next() {
    ++attempts_;
    const auto half = static_cast<double>(full_.count()) / 2;
    const duration delay(static_cast<duration::rep>(half + half * random_()));
    full_ = full_ > max_ / 2 ? max_ : full_ * 2;
    return std::max(delay, duration(1));
}

void backoff::reset() noexcept {
    full_ = first_;
    attempts_ = 0;
}

} // namespace async
