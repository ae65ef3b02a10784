#include "common/net/ticket_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

namespace net {

ticket_keys::ticket_keys(const core::clock& time, options with) : time_(time), with_(with) {
    keys_.reserve(with_.old_max + 2); // never moved by growing: no copies of keys are left behind
}

ticket_keys::~ticket_keys() { OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(key)); }

/// A key opens tickets while it is current and for `old_max` rotations more, however long nobody asked for one.
void ticket_keys::drop_old() {
    const auto now = time_.now();
    const auto lifetime = with_.rotate_after * (with_.old_max + 1);
    while (!keys_.empty() && (keys_.size() > with_.old_max + 1 || now - keys_.back().made_at >= lifetime)) {
        OPENSSL_cleanse(&keys_.back(), sizeof(key));
        keys_.pop_back();
    }
}

const ticket_keys::key* ticket_keys::for_sealing() {
    if (keys_.empty() || time_.now() - keys_.front().made_at >= with_.rotate_after) {
        key made{};
        if (RAND_bytes(made.name.data(), static_cast<int>(made.name.size())) != 1 ||
            RAND_priv_bytes(made.cipher.data(), static_cast<int>(made.cipher.size())) != 1 ||
            RAND_priv_bytes(made.mac.data(), static_cast<int>(made.mac.size())) != 1)
            return nullptr;
        made.made_at = time_.now();
        keys_.insert(keys_.begin(), made);
        OPENSSL_cleanse(&made, sizeof made);
    }
    drop_old();
    return &keys_.front();
}

const ticket_keys::key* ticket_keys::find(std::span<const unsigned char> name) {
    drop_old();
    const auto found =
        std::find_if(keys_.begin(), keys_.end(), [&](const key& one) { return std::ranges::equal(one.name, name); });
    return found == keys_.end() ? nullptr : &*found;
}

} // namespace net
