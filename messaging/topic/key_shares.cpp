#include "messaging/topic/key_shares.hpp"

#include "messaging/topic/delivery_sink.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {

constexpr std::uint64_t mixed(std::uint64_t x) noexcept { // the finaliser of MurmurHash3
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

std::uint64_t hash_of(std::string_view text) noexcept { // FNV-1a: the same in every process and version
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    return mixed(hash);
}

void insert_in_order(front_queue<std::uint64_t>& into, std::uint64_t position) {
    if (into.empty() || into.back() < position) return into.push_back(position);
    const auto* at = std::lower_bound(into.begin(), into.end(), position);
    if (*at != position) into.insert(at, position);
}

void remove_from(front_queue<std::uint64_t>& from, std::uint64_t position) {
    const auto* at = std::lower_bound(from.begin(), from.end(), position);
    if (at != from.end() && *at == position) from.erase(at);
}

} // namespace

std::uint32_t key_hash(std::string_view key) noexcept {
    if (key.empty()) return 0;
    const auto hash = static_cast<std::uint32_t>(hash_of(key));
    return hash == 0 ? 1 : hash;
}

void key_shares::join(consumer& one, std::string_view name) {
    members_.push_back({&one, std::string(name), 0, {}});
    weigh();
    for (auto& other : members_) release_blocked(other); // some of these keys are the newcomer's now
}

void key_shares::leave(const consumer& one) {
    const auto found = std::find_if(members_.begin(), members_.end(), [&](const auto& at) { return at.who == &one; });
    if (found == members_.end()) return;
    release_blocked(*found);
    members_.erase(found);
    weigh();
}

/// Consumers of one name are told apart by their number, so that both get something.
void key_shares::weigh() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        std::uint64_t namesakes = 0;
        for (std::size_t j = 0; j < i; ++j) namesakes += members_[j].name == members_[i].name ? 1 : 0;
        members_[i].salt = mixed(hash_of(members_[i].name) + namesakes);
    }
}

void key_shares::release_blocked(member& of) {
    to_try_.insert(to_try_.end(), of.blocked.begin(), of.blocked.end());
    of.blocked.clear();
}

consumer* key_shares::owner_of(std::uint32_t key) const noexcept {
    consumer* best = nullptr;
    std::uint64_t most = 0;
    for (const auto& one : members_) {
        const auto weight = mixed(one.salt ^ (std::uint64_t{key} * 0x9e3779b97f4a7c15ULL));
        if (best != nullptr && weight <= most) continue;
        best = one.who;
        most = weight;
    }
    return best;
}

consumer* key_shares::receiver_of(std::uint32_t key, const key_state* state) const noexcept {
    auto* owner = owner_of(key);
    return state != nullptr && state->outstanding > 0 && state->holder != owner ? nullptr : owner;
}

key_state* key_shares::find(std::uint32_t key) noexcept {
    const auto found = keys_.find(key);
    return found == keys_.end() ? nullptr : &found->second;
}

void key_shares::tidy(std::uint32_t key) {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return;
    const auto& state = found->second;
    if (state.outstanding == 0 && state.waiting.empty() && !state.listed) keys_.erase(found);
}

void key_shares::sent(std::uint32_t key, consumer& to) {
    auto& state = keys_[key];
    ++state.outstanding;
    state.holder = &to;
}

void key_shares::done(std::uint32_t key) {
    auto* state = find(key);
    if (state == nullptr || state->outstanding == 0) return;
    if (--state->outstanding > 0) return;
    state->holder = nullptr;
    if (state->waiting.empty())
        tidy(key);
    else
        try_soon(key); // it may have waited to be handed over
}

void key_shares::gave_back(std::uint32_t key, std::uint64_t position) {
    wait(key, position);
    if (key != 0) done(key);
}

void key_shares::wait(std::uint32_t key, std::uint64_t position) {
    if (key == 0) return insert_in_order(unkeyed, position);
    insert_in_order(keys_[key].waiting, position);
    try_soon(key);
}

void key_shares::forget_waiting(std::uint32_t key, std::uint64_t position) {
    if (key == 0) {
        remove_from(unkeyed, position);
        remove_from(unclassified, position);
        return;
    }
    if (auto* state = find(key)) {
        remove_from(state->waiting, position);
        tidy(key);
    }
}

void key_shares::try_soon(std::uint32_t key) {
    if (!std::exchange(keys_[key].listed, true)) to_try_.push_back(key);
}

void key_shares::try_first(std::uint32_t key) {
    if (!std::exchange(keys_[key].listed, true)) to_try_.push_front(key);
}

void key_shares::block(std::uint32_t key, const consumer& on) {
    auto& state = keys_[key];
    if (state.listed) return;
    const auto found = std::find_if(members_.begin(), members_.end(), [&](const auto& at) { return at.who == &on; });
    if (found == members_.end()) return try_soon(key);
    state.listed = true;
    found->blocked.push_back(key);
}

std::uint32_t key_shares::take_key() {
    std::uint32_t key = 0;
    if (!to_try_.empty()) {
        key = to_try_.front();
        to_try_.pop_front();
    } else {
        for (auto& one : members_) {
            if (one.blocked.empty() || !one.who->has_credit() || !one.who->sink->ready()) continue;
            key = one.blocked.front();
            one.blocked.pop_front();
            break;
        }
    }
    if (key != 0) keys_[key].listed = false;
    return key;
}

void key_shares::delay(std::uint32_t key, std::int64_t due_ms) {
    keys_[key].due_ms = due_ms;
    delayed_.emplace(due_ms, key);
}

std::int64_t key_shares::wake(std::int64_t now_ms) {
    while (!delayed_.empty() && delayed_.begin()->first <= now_ms) {
        const auto key = delayed_.begin()->second;
        delayed_.erase(delayed_.begin());
        if (find(key) != nullptr) try_soon(key);
    }
    return delayed_.empty() ? 0 : delayed_.begin()->first;
}

} // namespace messaging::topic
