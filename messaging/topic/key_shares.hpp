// Who gets which key of a key-shared subscription, and which keys wait. Pure bookkeeping for the hub, which reads,
// sends and decides what is due. Owned by its subscription, used on the loop only.
//
// Each key belongs to one consumer: the one with the highest weight of (consumer's name, key). So the same names share
// the keys the same way each time, and a consumer that comes or goes moves no keys but its own. A key that belongs to
// another consumer now is handed over only when its old one has nothing of it outstanding; until then, and while its
// consumer has no credit, its messages wait here and other keys go on.
#pragma once

#include "messaging/topic/front_queue.hpp"
#include "messaging/topic/subscription.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace messaging::topic {

/// Never 0 for a key; 0 for none. Two keys with one hash share their order, which is harmless.
std::uint32_t key_hash(std::string_view key) noexcept;

/// A key of which something waits or is outstanding. Others are not remembered.
struct key_state {
    consumer* holder = nullptr; ///< who has what is outstanding; null: nothing is
    std::uint32_t outstanding = 0;
    bool listed = false;    ///< stands in a list of keys to try
    bool rewinding = false; ///< scratch of a negative acknowledgement
    std::int64_t due_ms = 0;
    front_queue<std::uint64_t> waiting; ///< positions among the subscription's redeliveries, ascending
};

class key_shares {
  public:
    void join(consumer& one, std::string_view name);
    /// What it had outstanding was given back before.
    void leave(const consumer& one);

    /// Null without consumers.
    consumer* owner_of(std::uint32_t key) const noexcept;
    /// Who may get a message of this key now: its owner, or null while another still has some of it.
    consumer* receiver_of(std::uint32_t key, const key_state* state) const noexcept;
    key_state* find(std::uint32_t key) noexcept;
    key_state& find_or_make(std::uint32_t key) { return keys_[key]; }
    /// Forgets a key with nothing left.
    void tidy(std::uint32_t key);

    void sent(std::uint32_t key, consumer& to);
    void done(std::uint32_t key);
    /// Was outstanding and is to be sent again.
    void gave_back(std::uint32_t key, std::uint64_t position);
    /// In the order of positions; `key` 0 waits on its own.
    void wait(std::uint32_t key, std::uint64_t position);
    void forget_waiting(std::uint32_t key, std::uint64_t position);

    // Keys to try, each listed once.
    void try_soon(std::uint32_t key);
    void try_first(std::uint32_t key);
    /// Waits until `on` has credit and its sink is ready.
    void block(std::uint32_t key, const consumer& on);
    /// The next key worth trying now; 0: none.
    std::uint32_t take_key();
    /// A negative acknowledgement's delay.
    void delay(std::uint32_t key, std::int64_t due_ms);
    /// Keys whose delay is over are listed; the next due time, 0: none.
    std::int64_t wake(std::int64_t now_ms);

    /// Positions whose key is not known yet (from the log), lowest first: nothing may be sent before them.
    front_queue<std::uint64_t> unclassified;
    /// Positions without key that were given back.
    front_queue<std::uint64_t> unkeyed;

    std::size_t active_keys() const noexcept { return keys_.size(); }

  private:
    struct member {
        consumer* who = nullptr;
        std::string name;
        std::uint64_t salt = 0;
        std::deque<std::uint32_t> blocked;
    };
    void weigh();
    void release_blocked(member& of);

    std::vector<member> members_;
    std::unordered_map<std::uint32_t, key_state> keys_;
    std::deque<std::uint32_t> to_try_;
    std::multimap<std::int64_t, std::uint32_t> delayed_;
};

} // namespace messaging::topic
