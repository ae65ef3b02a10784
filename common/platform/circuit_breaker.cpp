#include "common/platform/circuit_breaker.hpp"

#include <algorithm>

namespace platform {

bool circuit_breaker::allow() noexcept {
    if (!open_) return true;
    const auto now = clock_.now();
    if (now < probe_at_) return false;
    probe_at_ = now + with_.pause; // one probe; should it never be told of, another goes after a pause
    probing_ = true;
    return true;
}

void circuit_breaker::succeeded() noexcept {
    failures_ = 0;
    if (open_ && !probing_) return; // of a request that was sent before it opened
    open_ = false;
}

void circuit_breaker::failed() noexcept {
    if (++failures_ >= with_.failures_max) open_for(with_.pause);
}

void circuit_breaker::throttled(std::chrono::milliseconds wait) noexcept {
    open_for(wait.count() > 0 ? std::min(wait, with_.pause_max) : with_.pause);
}

void circuit_breaker::open_for(std::chrono::milliseconds time) noexcept {
    if (!open_) ++openings_;
    open_ = true;
    probing_ = false;
    probe_at_ = clock_.now() + time;
}

} // namespace platform
