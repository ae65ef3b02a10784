// Who may publish now. What lies on the link unsettled is a queue in front of everybody, and its length divided by the
// store's speed is everybody's latency. So clients that have much in it wait while it is long, and clients that have
// little never wait for them: a flood slows down itself.
#pragma once

#include "common/core/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace broker::relay {

/// Unsettled publishes: of one client, or of all on the link.
struct in_flight {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};

/// Below both a client is light.
constexpr in_flight light_client{64, 64 * 1024};
/// Between these, depending on how long messages take, lies what all together may have before clients that are not
/// light wait. The most keeps a store busy that does 300,000 messages/s.
constexpr in_flight queue_least{192, 256 * 1024};
constexpr in_flight queue_most{1'536, 2 * 1024 * 1024};
/// What one client may have while the link is down (design §5).
constexpr in_flight client_max_while_down{1'000, 64 * 1024};

constexpr bool below(const in_flight& some, const in_flight& bound) noexcept {
    return some.messages < bound.messages && some.bytes < bound.bytes;
}

/// How long the queue may be, found from how long messages take: shorter while they take more than `round_trip_wanted`
/// and twice of what this store needs at best, longer while they take less and somebody waits. A store on a slow disk
/// so keeps its long queue, which it needs, and one whose processor is shared a short one.
class queue_bound {
  public:
    /// One message was settled that long after it was sent. `pressed`: clients wait for the queue to get shorter.
    void observe(std::chrono::nanoseconds round_trip, bool pressed, core::steady_time now) noexcept {
        if (now - epoch_ > epoch_length) { // the best of two epochs counts, so that an old record is forgotten
            best_before_ = best_;
            best_ = round_trip;
            epoch_ = now;
        }
        best_ = std::min(best_, round_trip);
        const auto wanted = std::max<std::chrono::nanoseconds>(round_trip_wanted, 2 * std::min(best_, best_before_));
        if (round_trip > wanted)
            size_ = std::max(size_ - size_ / 8, steps_least);
        else if (pressed)
            size_ = std::min(size_ + steps_least / 4, steps_most);
    }

    constexpr in_flight now() const noexcept {
        return {queue_least.messages * size_ / steps_least, queue_least.bytes * size_ / steps_least};
    }

    static constexpr std::chrono::milliseconds round_trip_wanted{3};
    static constexpr std::chrono::seconds epoch_length{10};

  private:
    static constexpr std::uint64_t steps_least = 64;
    static constexpr std::uint64_t steps_most = steps_least * queue_most.messages / queue_least.messages;

    std::uint64_t size_ = steps_most;
    std::chrono::nanoseconds best_ = std::chrono::hours(1);
    std::chrono::nanoseconds best_before_ = std::chrono::hours(1);
    core::steady_time epoch_{};
};

/// Whether a client with `own` unsettled may publish more while `all` are on the link and `queue` is the bound.
constexpr bool admits(const in_flight& own, const in_flight& all, const in_flight& queue, bool link_up) noexcept {
    if (!link_up) return below(own, client_max_while_down);
    return below(own, light_client) || below(all, queue);
}

/// Whether those who had to wait are asked again: not for every settled message, and in time for the store never to run
/// dry.
constexpr bool worth_waking(const in_flight& all, const in_flight& queue) noexcept {
    return below(all, {queue.messages / 2, queue.bytes / 2});
}

} // namespace broker::relay
