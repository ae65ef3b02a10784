// Who may publish now. What lies on the link unsettled is a queue in front of everybody, and its length divided by the
// store's speed is everybody's latency. So clients that have much in it wait while it is long, and clients that have
// little never wait for them: a flood slows down itself.
#pragma once

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
/// A client that is not light waits while all together have so much. Enough to keep the store busy: at 300,000
/// messages/s it is 5 ms of work.
constexpr in_flight busy_link{1'536, 2 * 1024 * 1024};
/// What one client may have while the link is down (design §5).
constexpr in_flight client_max_while_down{1'000, 64 * 1024};

constexpr bool below(const in_flight& some, const in_flight& bound) noexcept {
    return some.messages < bound.messages && some.bytes < bound.bytes;
}

/// Whether a client with `own` unsettled may publish more.
constexpr bool admits(const in_flight& own, const in_flight& all, bool link_up) noexcept {
    if (!link_up) return below(own, client_max_while_down);
    return below(own, light_client) || below(all, busy_link);
}

/// Whether those who had to wait are asked again: not for every settled message, and in time for the store never to run
/// dry.
constexpr bool worth_waking(const in_flight& all) noexcept {
    return below(all, {busy_link.messages / 2, busy_link.bytes / 2});
}

} // namespace broker::relay
