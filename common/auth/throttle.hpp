// What a failed login costs: after some failures of one user, or from one address, further attempts are refused without
// being looked at until a delay has passed that doubles with each failure. Nothing waits here, so an attacker costs the
// loop a look-up. Failures leak away while time passes, also while new ones come: who fails now and then, however long,
// is never held up. Two tables, so that made-up user names cannot push an address out; the least recently used entry
// goes first. No I/O; loop only.
//
//   failures of one user     1 … 5     6     7     8   …
//   refused after the last      -     1 s   2 s   4 s  … at most 1 min; one is forgiven each minute (5 in 5 min)
#pragma once

#include "common/auth/recent_table.hpp"
#include "common/core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace auth {

/// 0 failures: no limit of that kind.
struct throttle_limits {
    std::uint32_t failures_per_user = 5;     ///< without a delay
    std::uint32_t failures_per_address = 50; ///< likewise; many devices may stand behind one address
    std::chrono::milliseconds first_delay{1'000};
    std::chrono::milliseconds max_delay{60'000};
    std::chrono::milliseconds window{300'000}; ///< in so long as many failures are forgiven as are without a delay
    std::uint32_t remembered_max = 100'000;    ///< entries of each table

    bool operator==(const throttle_limits&) const = default;
};

class throttle {
  public:
    throttle(const core::clock& clock, throttle_limits limits);

    /// Whether attempts of this user (`<tenant>/<user>`, or what else a guess aims at) or from this address are refused
    /// now. Asked apart, because known credentials are not asked about their address.
    bool user_waits(std::string_view user) { return user_wait(user).count() > 0; }
    bool address_waits(std::string_view address) { return address_wait(address).count() > 0; }
    /// How long they are; zero: they are looked at.
    std::chrono::milliseconds user_wait(std::string_view user) { return wait(users_, user); }
    std::chrono::milliseconds address_wait(std::string_view address) { return wait(addresses_, address); }

    /// Begins an attempt whose answer takes time. False when as many of the user are under way as may fail, or four
    /// times as many from the address as may fail from there (a crowd behind one address comes back at once): so that
    /// many guesses at once gain little. Every true is followed by one `ended`.
    bool begin(std::string_view user, std::string_view address);
    void ended(std::string_view user, std::string_view address);

    /// Wrong credentials, or a chain that is not accepted. Empty: nobody, or no address, to count it for – what failed
    /// before and is offered again counts for its user alone, since it is no new guess.
    void failed(std::string_view user, std::string_view address);
    /// Right credentials: the user's entry goes. The address's stays, or one account would free all guesses.
    void succeeded(std::string_view user);
    /// Whether failures of this user are remembered.
    bool has_failed(std::string_view user) { return users_.find(user) != nullptr; }

    std::size_t users() const noexcept { return users_.size(); }
    std::size_t addresses() const noexcept { return addresses_.size(); }

  private:
    struct failures {
        double level = 0; ///< as of `last_at`
        core::steady_time last_at;
        core::steady_time waits_until;
    };
    using table = recent_table<failures>;
    using under_way = std::unordered_map<std::string, std::uint32_t>; ///< bounded by the logins that wait for an answer

    std::chrono::milliseconds wait(table& in, std::string_view key) const;
    void count(table& in, std::string_view key, std::uint32_t free);
    static void one_less(under_way& of, std::string_view key);

    const core::clock& clock_;
    throttle_limits limits_;
    std::uint32_t doublings_max_; ///< until the delay is the longest
    table users_;
    table addresses_;
    under_way users_under_way_;
    under_way addresses_under_way_;
};

/// What counts as one address: of `address:port` or `[address]:port` the IPv4 address, or the first 64 bits of an IPv6
/// one, because a single subscriber has all of those. The text as it is when it is neither.
std::string address_key(std::string_view remote);

} // namespace auth
