#include "common/auth/credential_cache.hpp"

#include "common/core/bytes.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace auth {
namespace {

using digest = std::array<unsigned char, 32>; // the header's digest_bytes

struct digest_hash {
    std::size_t operator()(const digest& of) const noexcept {
        std::size_t hash;
        std::memcpy(&hash, of.data(), sizeof hash);
        return hash;
    }
};

struct entry {
    digest key;
    std::shared_ptr<const principal> who; ///< null: the credentials are wrong
    core::steady_time fresh_until;
    core::steady_time forget_at;
};

core::result<principal> answer_of(const entry& of) {
    if (!of.who) return errc::wrong_credentials;
    return *of.who;
}

} // namespace

struct credential_cache::state {
    const core::clock& clock;
    options limits;
    digest secret{};
    // Most recently used first. Apart, so that guesses without end do not push out those who were right.
    std::list<entry> right;
    std::list<entry> wrong;
    std::unordered_map<digest, std::list<entry>::iterator, digest_hash> by_digest;
    // By generation, so that a question asked before invalidate() is never joined by one asked after it.
    std::map<std::pair<std::uint64_t, digest>, std::vector<verify_callback>> under_way;
    std::size_t waiting = 0;
    std::uint64_t generation = 0;
    credential_cache_counters counters;

    state(const core::clock& c, options with) : clock(c), limits(with) {}

    digest digest_of(const credentials& of) const {
        std::string text;
        core::byte_writer writer(text);
        // With lengths, so that ("ab","c") and ("a","bc") differ.
        for (const std::string* part : {&of.tenant.value, &of.user, &of.password}) {
            writer.u32(static_cast<std::uint32_t>(part->size()));
            writer.text(*part);
        }
        digest key{};
        const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
        // Without a digest all credentials would look alike, so there is no going on.
        if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), octets, text.size(), key.data(),
                 nullptr) == nullptr)
            std::abort();
        OPENSSL_cleanse(text.data(), text.size());
        return key;
    }

    std::list<entry>& list_of(const entry& one) { return one.who ? right : wrong; }

    /// Also what is no longer fresh.
    entry* find(const digest& key) {
        const auto found = by_digest.find(key);
        if (found == by_digest.end()) return nullptr;
        if (found->second->forget_at <= clock.now()) {
            forget(key);
            return nullptr;
        }
        auto& list = list_of(*found->second);
        list.splice(list.begin(), list, found->second);
        return &list.front();
    }

    const entry* find_fresh(const digest& key) {
        const entry* found = find(key);
        return found != nullptr && found->fresh_until > clock.now() ? found : nullptr;
    }

    void forget(const digest& key) {
        const auto found = by_digest.find(key);
        if (found == by_digest.end()) return;
        list_of(*found->second).erase(found->second);
        by_digest.erase(found);
    }

    void remember(const digest& key, const core::result<principal>& answer) {
        if (!answer && answer.error() != errc::wrong_credentials) return;
        forget(key);
        auto& list = answer ? right : wrong;
        const std::size_t most = answer ? limits.remembered_max : limits.wrong_max;
        if (most == 0) return;
        if (list.size() >= most) {
            by_digest.erase(list.back().key);
            list.pop_back();
        }
        entry made{key, nullptr, clock.now() + (answer ? limits.lifetime : limits.negative_lifetime), {}};
        made.forget_at = made.fresh_until + (answer ? limits.stale_lifetime : limits.wrong_kept);
        if (answer) made.who = std::make_shared<const principal>(*answer);
        list.push_front(std::move(made));
        by_digest[key] = list.begin();
    }

    /// What the callers get for the provider's answer.
    core::result<principal> judged(const digest& key, core::result<principal> answer, std::size_t callers) {
        if (answer || answer.error() == errc::wrong_credentials) return answer;
        const entry* known = find(key);
        if (known == nullptr || !known->who) return answer;
        counters.served_stale += callers;
        return *known->who;
    }

    void answered(const digest& key, std::uint64_t asked_in, core::result<principal> answer) {
        const auto found = under_way.find({asked_in, key});
        if (found == under_way.end()) return;
        const auto callbacks = std::move(found->second);
        under_way.erase(found);
        waiting -= callbacks.size();
        if (asked_in == generation) {
            remember(key, answer);
            answer = judged(key, std::move(answer), callbacks.size());
        }
        for (const auto& callback : callbacks) callback(answer);
    }
};

credential_cache::credential_cache(provider& inner, const core::clock& clock, post_function post, options with)
    : inner_(inner), post_(std::move(post)), state_(std::make_shared<state>(clock, with)) {
    // A key that is not random would make the digests of weak passwords guessable.
    if (RAND_bytes(state_->secret.data(), static_cast<int>(state_->secret.size())) != 1) std::abort();
}

credential_cache::~credential_cache() = default;

void credential_cache::ask(credentials with, const digest_bytes& key) {
    ++state_->counters.asked;
    inner_.verify(std::move(with),
                  [weak = std::weak_ptr(state_), key, asked_in = state_->generation](core::result<principal> answer) {
                      if (const auto self = weak.lock()) self->answered(key, asked_in, std::move(answer));
                  });
}

std::optional<core::result<principal>> credential_cache::recall(const credentials& of, const digest_bytes& key) {
    const entry* found = state_->find_fresh(key);
    if (found == nullptr) return std::nullopt;
    ++state_->counters.hits;
    const auto answer = answer_of(*found);
    const bool ages = found->who && found->fresh_until - state_->clock.now() <= state_->limits.refresh_before;
    // Nobody waits for this answer; who comes meanwhile is served from memory, or joins when that has run out.
    if (ages && state_->under_way.try_emplace({state_->generation, key}).second) {
        ++state_->counters.refreshed;
        ask(of, key);
    }
    return answer;
}

std::optional<core::result<principal>> credential_cache::lookup(const credentials& of) {
    return recall(of, state_->digest_of(of));
}

bool credential_cache::known_good(const credentials& of) const {
    const entry* found = state_->find(state_->digest_of(of));
    return found != nullptr && found->who;
}

bool credential_cache::known_wrong(const credentials& of) const {
    const entry* found = state_->find(state_->digest_of(of));
    return found != nullptr && !found->who;
}

bool credential_cache::asking(const credentials& of) const {
    return state_->under_way.contains({state_->generation, state_->digest_of(of)});
}

void credential_cache::verify(credentials with, verify_callback done) {
    const digest key = state_->digest_of(with);
    if (auto known = recall(with, key)) {
        post_([done = std::move(done), answer = std::move(*known)] { done(answer); });
        return;
    }
    if (state_->waiting >= state_->limits.waiting_max) {
        post_([done = std::move(done)] { done(errc::busy); });
        return;
    }
    const auto [under_way, first] = state_->under_way.try_emplace({state_->generation, key});
    under_way->second.push_back(std::move(done));
    ++state_->waiting;
    if (first) ask(std::move(with), key);
}

void credential_cache::invalidate() {
    ++state_->generation;
    state_->by_digest.clear();
    state_->right.clear();
    state_->wrong.clear();
}

const credential_cache_counters& credential_cache::counters() const noexcept { return state_->counters; }
std::size_t credential_cache::remembered() const noexcept { return state_->by_digest.size(); }

} // namespace auth
