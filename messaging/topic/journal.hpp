// The hub's metadata as log entries, and a snapshot as a row of the same entries. Types 16 and up belong to this layer
// (store/FORMAT.md leaves them to it); never renumber. All texts are text16, numbers big-endian.
//
//   topic_created         ns, name                              (header: topic number; tenant text first)
//   topic_removed         -                                     (header: topic number)
//   subscription_created  id u64, tenant, ns, name, type u8, durability u8, claim u64, session u64, stream u32, read
//   u64 subscription_removed  id u64 filter_added          id u64, start u64, qos u8, filter filter_removed        id
//   u64, filter cursor                id u64, read u64, count u16, count × (position u64, delivery count u8) claim_made
//   number u64, session u64, sequence u64, flags u8, tenant, client, [ns, name, record bytes32] claim_ended number u64
//   producer              session u64, producer u64, settled u64, count u16, count × (first u64, length u32, reason u8)
//   session_ended         session u64
//   state                 tenant, ns, key, present u8, value bytes32
//   tenant                tenant, position u64                  (snapshot only)
//   read_mark             position u64                          (header: topic number)
//   subscription_settings id u64, type u8, flags u8 (1 declared), max deliveries u16
//   sought                id u64, position u64                  (read position, also backwards)
//   counters              next claim u64, next subscription u64, next topic u32   (snapshot only)
#pragma once

#include "common/core/bytes.hpp"
#include "common/link/frame.hpp"
#include "messaging/store/entry.hpp"
#include "messaging/topic/claim.hpp"
#include "messaging/topic/subscription.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::topic::journal {

enum class type : std::uint8_t {
    topic_created = 16,
    topic_removed = 17,
    subscription_created = 18,
    subscription_removed = 19,
    filter_added = 20,
    filter_removed = 21,
    cursor = 22,
    claim_made = 23,
    claim_ended = 24,
    producer = 25,
    session_ended = 26,
    state = 27,
    tenant = 28,
    counters = 29,
    read_mark = 30,
    subscription_settings = 31,
    sought = 32,
};

constexpr store::entry_type entry_type(type kind) noexcept { return static_cast<store::entry_type>(kind); }

// Each appends one entry's body to `out`.
void topic_created(std::string& out, const topic& made);
void subscription_created(std::string& out, const subscription& made);
void filter_added(std::string& out, std::uint64_t id, const subscribed_filter& filter);
void filter_removed(std::string& out, std::uint64_t id, std::string_view filter);
void cursor(std::string& out, const subscription& of);
void subscription_settings(std::string& out, const subscription& of);
void sought(std::string& out, std::uint64_t id, std::uint64_t position);
void claim_made(std::string& out, const claim& made);
void number(std::string& out, std::uint64_t value); ///< subscription_removed, claim_ended, session_ended, read_mark
void producer(std::string& out, std::uint64_t session, std::uint64_t producer, std::uint64_t settled,
              std::span<const msg_link::run> runs);
void state(std::string& out, std::string_view tenant, std::string_view name_space, std::string_view key, bool present,
           core::byte_span value);
void tenant_position(std::string& out, std::string_view tenant, std::uint64_t position);
void counters(std::string& out, std::uint64_t next_claim, std::uint64_t next_subscription, std::uint32_t next_topic);

/// A snapshot is a row of (type u8, topic u32, length u32, body).
void append_to_snapshot(std::string& snapshot, type kind, std::uint32_t topic, std::string_view body);
struct snapshot_entry {
    type kind = type::counters;
    std::uint32_t topic = 0;
    core::byte_span body;
};
/// False at the end and when the rest is cut.
bool next_in_snapshot(core::byte_span& snapshot, snapshot_entry& into) noexcept;

} // namespace messaging::topic::journal
