// One topic: the positions of its live messages, who subscribes to it, and the bytes it holds. Owned by its tenant,
// used on the loop only.
#pragma once

#include "common/record/device_topics.hpp"
#include "messaging/store/entry.hpp"
#include "messaging/topic/front_queue.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace messaging::topic {

class subscription;
class topic;
struct tenant;

enum class topic_class : std::uint8_t {
    normal, ///< a message is there for the subscriptions that wait for it
    kept,   ///< stored without subscribers, oldest dropped at its cap (design §4): dead letters
    report, ///< kept: the errors of one client
    alarm,  ///< kept: what the tenant's administrators are to hear of
};
topic_class class_of(std::string_view name) noexcept;

/// A subscription's interest in one topic.
struct edge {
    subscription* by = nullptr;
    topic* to = nullptr;
    std::uint64_t start = 0; ///< only messages behind this position
    std::uint8_t qos = 0;    ///< highest of the matching filters; 2 = always acknowledged
    bool queued = false;     ///< stands in the subscription's ready heap
};

struct message {
    std::uint64_t position = 0;
    std::int64_t time_ms = 0;
    store::location where;
    std::uint32_t bytes = 0;   ///< record bytes
    std::uint32_t pending = 0; ///< subscriptions that still need it, plus one while a kept topic keeps it
};

/// Messages a second as management sampled them last, and the counters then.
struct topic_rates {
    std::uint64_t in_before = 0;
    std::uint64_t out_before = 0;
    float in = 0;
    float out = 0;
    std::uint32_t sampled_s = 0; ///< 0: not yet
};

class topic {
  public:
    topic(tenant& owner, std::string name_space, std::string name)
        : owner_(owner), name_space_(std::move(name_space)), name_(std::move(name)), class_(class_of(name_)),
          addresses_devices_(name_space_ == "mqtt" && name_ == record::to_device) {}
    topic(const topic&) = delete;
    topic& operator=(const topic&) = delete;

    tenant& owner() const noexcept { return owner_; }
    const std::string& name_space() const noexcept { return name_space_; }
    const std::string& name() const noexcept { return name_; }
    topic_class of_class() const noexcept { return class_; }
    bool kept() const noexcept { return class_ != topic_class::normal; }
    bool reports() const noexcept { return class_ == topic_class::report; }
    /// `to-device`: what applications publish here is stored where the record's client ID and topic say (ref A.11).
    bool addresses_devices() const noexcept { return addresses_devices_; }

    /// The message at exactly this position, or null.
    message* find(std::uint64_t position) noexcept;
    /// The first live message behind this position, or null.
    message* after(std::uint64_t position) noexcept;
    /// Index of the first message behind this position.
    std::size_t index_after(std::uint64_t position) const noexcept;
    /// Drops what nobody needs from the front.
    void trim() noexcept;

    std::uint64_t identity = 0;      ///< never given twice in the life of the hub, unlike the address
    std::uint32_t number = 0;        ///< store number; 0 until something of it was logged
    std::uint64_t backlog_bytes = 0; ///< exact: every live record, and those being committed
    std::uint32_t open_numbers = 0;  ///< link topic numbers and producers that use it
    std::uint32_t references = 0;    ///< outstanding and redelivery entries that point here
    std::uint32_t committing = 0;    ///< messages appended and not yet committed
    std::int64_t used_ms = 0;        ///< log clock of the last use
    front_queue<message> messages;   ///< by position
    std::vector<std::unique_ptr<edge>> edges;
    std::uint64_t read_mark = 0; ///< of reports: what the client itself was given already
    bool mark_dirty = false;     ///< the mark is to be logged
    bool in_live_list = false;

    // Since start, for management.
    std::uint64_t messages_in = 0;
    std::uint64_t messages_out = 0;
    topic_rates rates;

  private:
    tenant& owner_;
    std::string name_space_;
    std::string name_;
    topic_class class_;
    bool addresses_devices_;
};

} // namespace messaging::topic
