// Notifications 2.0 of one tenant (ref C): subscriptions copy changes into topics, subscribers hold backlogs, consumers
// receive and acknowledge. Sans I/O: a consumer is a sink. One thread; a sink is called from inside the calls here and
// must not call back.
#pragma once

#include "common/core/clock.hpp"
#include "tests/platform/model/json.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace platform_sim::model {

struct notification_subscription {
    std::uint64_t id = 0;
    std::string context;      ///< `mo` or `tenant`
    std::uint64_t source = 0; ///< only with `mo`
    std::string name;         ///< the topic
    bool non_persistent = false;
    std::vector<std::string> apis;      ///< empty: all of the context
    std::string type_filter;            ///< as given
    std::vector<std::string> types;     ///< the filter's alternatives
    std::vector<std::string> fragments; ///< empty: everything
    json::object fields;                ///< as answered, without id, self and source
};

/// `'a' or 'b'`, `type eq 'x'`, or one plain name (ref C.2).
std::vector<std::string> parse_type_filter(std::string_view text);

class consumer_sink {
  public:
    virtual ~consumer_sink() = default;
    /// One text frame of ref C.8.
    virtual void deliver(std::string frame) = 0;
    /// The subscriber is gone; close the connection.
    virtual void end() = 0;
};

struct change {
    std::string_view api;    ///< `alarms`, `events`, `measurements`, `managedobjects`, `operations`
    std::string_view action; ///< `CREATE`, `UPDATE`, `DELETE`
    std::uint64_t source = 0;
    std::vector<std::uint64_t> ancestors; ///< of the source
    const json::object* body = nullptr;
};

class notification_hub {
  public:
    struct limits {
        std::size_t unacknowledged_max = 1000;
        std::uint64_t topic_bytes_max = 25ull * 1024 * 1024;
        std::int64_t ttl_ms = 36ll * 3600 * 1000;
    };
    struct topic_key {
        std::string name;
        bool non_persistent = false;
        auto operator<=>(const topic_key&) const = default;
    };
    struct attachment {
        topic_key topic;
        std::string subscriber;
        bool shared = false;
        std::string client; ///< `consumer=` of the URL; keeps the share of sources across reconnects
    };

    notification_hub(std::string tenant, const core::clock& clock, limits with);
    ~notification_hub();
    notification_hub(const notification_hub&) = delete;
    notification_hub& operator=(const notification_hub&) = delete;

    /// False when source, context and name exist already.
    bool subscribe(notification_subscription added);
    const notification_subscription* find(std::uint64_t id) const;
    bool erase(std::uint64_t id);
    const std::map<std::uint64_t, notification_subscription>& subscriptions() const noexcept { return subscriptions_; }

    /// True when somebody may want it: spares building the body.
    bool wants(std::string_view api) const;
    /// False when a backlog was full and the change was dropped there (ref C.9).
    bool publish(const change& of);

    /// The consumer's number; nothing when an exclusive subscriber has a client already (409). The subscriber is
    /// created by this. `to` must live until detach.
    std::optional<std::uint64_t> attach(const attachment& as, consumer_sink& to);
    /// Asks without attaching: the upgrade is answered before there is a connection to deliver to.
    bool busy(const attachment& as) const;
    /// Text frame of the client; unknown ones are ignored. Only the connection that received it can acknowledge.
    void acknowledge(std::uint64_t consumer, std::string_view text);
    /// What was not acknowledged will be delivered again; of a non-persistent topic nothing stays.
    void detach(std::uint64_t consumer);
    /// Removes the subscriber and its backlog, ends its consumers. False when there is none.
    bool unsubscribe(const topic_key& topic, const std::string& subscriber);

    std::uint64_t published_count() const noexcept { return published_count_; }
    std::uint64_t delivered_count() const noexcept { return delivered_count_; }
    std::uint64_t acknowledged_count() const noexcept { return acknowledged_count_; }
    std::size_t consumer_count() const noexcept { return consumers_.size(); }
    std::size_t backlog(const topic_key& topic, const std::string& subscriber) const;

  private:
    struct message;
    struct consumer;
    struct subscriber;
    struct topic;
    using message_ptr = std::shared_ptr<message>;

    bool publish_to(topic& into, const change& of, const notification_subscription& because);
    void pump(subscriber& of);
    consumer* choose(subscriber& of, const message& next);
    void forget(const message_ptr& gone);
    void expire(topic& in);
    void drop_subscriber(topic& in, const std::string& name);

    std::string tenant_;
    const core::clock& clock_;
    limits limits_;
    std::map<std::uint64_t, notification_subscription> subscriptions_;
    std::map<topic_key, std::unique_ptr<topic>> topics_;
    std::map<std::uint64_t, std::unique_ptr<consumer>> consumers_;
    std::uint64_t last_consumer_ = 0;
    std::uint64_t last_message_ = 0;
    std::uint64_t published_count_ = 0;
    std::uint64_t delivered_count_ = 0;
    std::uint64_t acknowledged_count_ = 0;
};

} // namespace platform_sim::model
