// Remembers what a provider said, under a keyed digest of tenant, user and password, so that a reconnecting device
// costs one HMAC instead of one scrypt or one platform request. The key is random per process, and passwords are not
// kept. All calls on the loop's thread.
#pragma once

#include "common/auth/provider.hpp"
#include "common/core/clock.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace auth {

class credential_cache final : public provider {
  public:
    struct options {
        std::chrono::milliseconds lifetime = std::chrono::minutes(5);
        std::chrono::milliseconds negative_lifetime = std::chrono::seconds(5);
        std::size_t remembered_max = 100'000; ///< the least recently used goes first
        std::size_t waiting_max = 10'000;     ///< calls that wait for the provider; the next is answered busy
    };

    /// `inner` and `clock` must outlive the cache; `post` as for a provider.
    credential_cache(provider& inner, const core::clock& clock, post_function post, options with);
    credential_cache(provider& inner, const core::clock& clock, post_function post)
        : credential_cache(inner, clock, std::move(post), options{}) {}
    ~credential_cache() override;

    /// What is remembered, at once; nothing when the provider must be asked.
    std::optional<core::result<principal>> lookup(const credentials& of);

    /// Equal credentials asked for at the same time are one question to the provider. Only wrong_credentials is
    /// remembered of the errors.
    void verify(credentials with, verify_callback done) override;

    /// Forgets all. Answers under way are delivered, not remembered; who asks from now on is not joined to them.
    void invalidate();
    std::size_t remembered() const noexcept;

  private:
    struct state;
    provider& inner_;
    post_function post_;
    std::shared_ptr<state> state_; // shared with answers under way, which may come after our end
};

} // namespace auth
