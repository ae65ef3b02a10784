// Remembers what a provider said, under a keyed digest of tenant, user and password, so that a reconnecting device
// costs one HMAC instead of one scrypt or one platform request. The key is random per process, and passwords are not
// kept: what grows old is therefore asked again while somebody who offers the same credentials is served from memory.
// While the provider cannot be asked, devices that were right before go on for a while. All calls on the loop's thread.
#pragma once

#include "common/auth/provider.hpp"
#include "common/core/clock.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace auth {

struct credential_cache_counters {
    std::uint64_t hits = 0;         ///< answered from memory
    std::uint64_t asked = 0;        ///< questions to the provider
    std::uint64_t refreshed = 0;    ///< of these, asked in the background
    std::uint64_t served_stale = 0; ///< right answers used beyond their lifetime
};

class credential_cache final : public provider {
  public:
    struct options {
        std::chrono::milliseconds lifetime = std::chrono::minutes(5);
        std::chrono::milliseconds negative_lifetime = std::chrono::seconds(5);
        /// How long after its lifetime a right answer still counts while the provider fails to answer; 0: not at all.
        std::chrono::milliseconds stale_lifetime{0};
        /// How long after its lifetime it is still known that an answer was wrong (`known_wrong`).
        std::chrono::milliseconds wrong_kept = std::chrono::minutes(10);
        /// Used in this last part of its lifetime a right answer is asked again in the background; 0: never.
        std::chrono::milliseconds refresh_before{0};
        std::size_t remembered_max = 100'000; ///< right ones; the least recently used goes first
        std::size_t wrong_max = 10'000;       ///< wrong ones, likewise
        std::size_t waiting_max = 10'000;     ///< calls that wait for the provider; the next is answered busy
    };

    /// `inner` and `clock` must outlive the cache; `post` as for a provider.
    credential_cache(provider& inner, const core::clock& clock, post_function post, options with);
    credential_cache(provider& inner, const core::clock& clock, post_function post)
        : credential_cache(inner, clock, std::move(post), options{}) {}
    ~credential_cache() override;

    /// What is remembered, at once; nothing when the provider must be asked.
    std::optional<core::result<principal>> lookup(const credentials& of);
    /// Whether these were right when last asked, even if that is too long ago for `lookup`.
    bool known_good(const credentials& of) const;
    /// Whether these were wrong when last asked: to offer them again is no new guess.
    bool known_wrong(const credentials& of) const;
    /// Whether the provider is being asked about these now: `verify` will join.
    bool asking(const credentials& of) const;

    /// Equal credentials asked for at the same time are one question to the provider. Only wrong_credentials is
    /// remembered of the errors; any other error is answered with the last right answer while that may be used.
    void verify(credentials with, verify_callback done) override;

    /// Forgets all. Answers under way are delivered, not remembered; who asks from now on is not joined to them.
    void invalidate();
    std::size_t remembered() const noexcept;
    const credential_cache_counters& counters() const noexcept;

  private:
    struct state;
    using digest_bytes = std::array<unsigned char, 32>;
    std::optional<core::result<principal>> recall(const credentials& of, const digest_bytes& key);
    void ask(credentials with, const digest_bytes& key);

    provider& inner_;
    post_function post_;
    std::shared_ptr<state> state_; // shared with answers under way, which may come after our end
};

} // namespace auth
