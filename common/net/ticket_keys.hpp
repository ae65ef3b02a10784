// The keys that TLS session tickets are sealed with (RFC 5077 §5.5): one in use, replaced every `rotate_after`, and the
// ones before it accepted until they are too old. Random, in memory only: a restart or another process means one full
// handshake more. Shared by the contexts of one listener, so that a reload of certificates keeps tickets valid. One
// thread.
#pragma once

#include "common/core/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace net {

class ticket_keys {
  public:
    struct options {
        std::chrono::milliseconds rotate_after = std::chrono::hours(12);
        std::size_t old_max = 2; ///< keys before the current one that still open tickets

        options() = default;
        options(std::chrono::milliseconds after, std::size_t old) : rotate_after(after), old_max(old) {}
    };
    struct key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
        core::steady_time made_at;
    };

    /// `time` outlives the keys.
    ticket_keys(const core::clock& time, options with);
    explicit ticket_keys(const core::clock& time) : ticket_keys(time, options()) {}
    ~ticket_keys(); ///< wipes them
    ticket_keys(const ticket_keys&) = delete;
    ticket_keys& operator=(const ticket_keys&) = delete;

    /// The key in use; a new one when it is time. Null when the system gives no random bytes: then no ticket is given.
    const key* for_sealing();
    /// The key of that name; null when it is unknown or too old. Valid until the next call.
    const key* find(std::span<const unsigned char> name);
    /// False for a key of `find` whose tickets should be replaced by new ones.
    bool is_current(const key& one) const noexcept {
        return &one == keys_.data() && time_.now() - one.made_at < with_.rotate_after;
    }
    const options& settings() const noexcept { return with_; }
    std::size_t size() const noexcept { return keys_.size(); }

  private:
    void drop_old();

    const core::clock& time_;
    options with_;
    std::vector<key> keys_; ///< newest first
};

} // namespace net
