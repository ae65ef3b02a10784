#include "common/notification2/token_verifier.hpp"

#include <openssl/evp.h>

#include <cstring>

namespace notification2 {

std::size_t token_verifier::digest_hash::operator()(const digest& of) const noexcept {
    std::size_t hash;
    std::memcpy(&hash, of.data(), sizeof hash);
    return hash;
}

token_verifier::token_verifier(signing_key key, const core::clock& clock, options with)
    : key_(std::move(key)), clock_(clock), options_(with) {}

core::result<token_claims> token_verifier::verify(std::string_view token) {
    if (token.size() > token_bytes_max) return errc::malformed_token;
    digest key{};
    if (EVP_Digest(token.data(), token.size(), key.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return errc::crypto_failed;
    const std::int64_t now_s = clock_.wall_ms() / 1000;
    if (const auto found = by_digest_.find(key); found != by_digest_.end()) {
        if (found->second->claims.expires_at_s <= now_s) {
            recent_.erase(found->second);
            by_digest_.erase(found);
            return errc::token_expired;
        }
        recent_.splice(recent_.begin(), recent_, found->second);
        return found->second->claims;
    }
    ++signatures_checked_;
    auto claims = open_token(token, key_);
    if (!claims) return claims.error();
    if (claims->expires_at_s <= now_s) return errc::token_expired;
    remember(key, *claims);
    return claims;
}

void token_verifier::remember(const digest& key, const token_claims& claims) {
    if (options_.remembered_max == 0) return;
    if (by_digest_.size() == options_.remembered_max) {
        by_digest_.erase(recent_.back().key);
        recent_.pop_back();
    }
    recent_.push_front({key, claims});
    by_digest_.emplace(key, recent_.begin());
}

} // namespace notification2
