// Verifies tokens against the time and remembers the good ones by their digest, so that a client which reconnects often
// costs one SHA-256 rather than one RSA operation. One owner, one thread.
#pragma once

#include "common/core/clock.hpp"
#include "common/notification2/token.hpp"

#include <array>
#include <list>
#include <memory>
#include <unordered_map>

namespace notification2 {

class token_verifier {
  public:
    struct options {
        std::size_t remembered_max = 10'000;
    };

    /// `clock` must outlive the verifier.
    token_verifier(signing_key key, const core::clock& clock, options with);
    token_verifier(signing_key key, const core::clock& clock) : token_verifier(std::move(key), clock, options{}) {}

    /// As open_token, and token_expired from the second of `exp` on, also for remembered tokens.
    core::result<token_claims> verify(std::string_view token);

    std::size_t remembered() const noexcept { return by_digest_.size(); }
    /// Signatures checked so far; the rest was remembered.
    std::uint64_t signatures_checked() const noexcept { return signatures_checked_; }

  private:
    using digest = std::array<unsigned char, 32>;
    struct digest_hash {
        std::size_t operator()(const digest& of) const noexcept;
    };
    struct entry {
        digest key;
        token_claims claims;
    };

    void remember(const digest& key, const token_claims& claims);

    signing_key key_;
    const core::clock& clock_;
    options options_;
    std::list<entry> recent_; // most recently used first
    std::unordered_map<digest, std::list<entry>::iterator, digest_hash> by_digest_;
    std::uint64_t signatures_checked_ = 0;
};

} // namespace notification2
