// Plain values that the hub takes and tells.
#pragma once

#include "common/link/frame.hpp"
#include "common/record/device_topics.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace messaging::topic {

// Alarms of subscriptions, for a tenant's administrators.
inline constexpr std::string_view dead_letters_full_alarm = "c8y_MqttService_DeadLettersFull";
inline constexpr std::string_view backlog_alarm = "c8y_MqttService_SubscriptionBacklog";

/// What a session is told about its claims and leases; implemented by link_session.
class claim_holder {
  public:
    virtual ~claim_holder() = default;
    virtual void on_claimed(std::uint64_t sequence, std::uint64_t claim, msg_link::reason why) = 0;
    virtual void on_evicted(std::uint64_t claim, msg_link::reason why) = 0;
};

struct subscribe_request {
    std::uint64_t claim = 0;
    std::uint64_t session = 0;
    std::uint32_t stream = 0;
    std::string_view tenant;
    std::string_view name_space;
    std::string_view name;
    msg_link::subscription_type type = msg_link::subscription_type::exclusive;
    msg_link::durability durability = msg_link::durability::leased;
};

/// Where a seek puts a subscription.
struct seek_target {
    enum class kind : std::uint8_t { earliest, latest, time } to = kind::latest;
    std::int64_t time_ms = 0; ///< Unix milliseconds, for `time`: the first message stored at or after it comes next
};

/// A producer watermark as it stood in the log.
struct producer_state {
    std::uint64_t producer = 0;
    std::uint64_t settled = 0;
    std::vector<msg_link::run> runs;
};

/// Counters since start; gauges by value. Read by ops on the loop.
struct hub_stats {
    std::uint64_t messages_in = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t messages_unmatched = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t redeliveries = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t expired = 0;
    std::uint64_t skipped = 0;
    std::uint64_t subscriptions_backlog_high = 0; ///< gauge: hold more than 80 % of what a topic may
    std::uint64_t negative_acknowledgements = 0;
    std::uint64_t dead_letters = 0;
    std::uint64_t dead_letters_refused = 0; ///< their topic was full: the message stays with its subscription
    std::uint64_t wills_published = 0;
    std::uint64_t wills_dropped = 0;
    std::array<std::uint64_t, 21> refused{};                                      ///< by msg_link::reason
    std::array<std::uint64_t, record::to_device_fault_count> to_device_invalid{}; ///< by record::to_device_fault
    std::uint64_t commit_ns = 0;
    std::uint64_t sync_ns = 0;
    std::uint64_t copied_messages = 0; ///< moved to the head of the log so that their segment could be recycled
    std::uint64_t copied_bytes = 0;
    std::uint64_t segments_copied = 0;
};

} // namespace messaging::topic
