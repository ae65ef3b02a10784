// A cursor over a set of filters: what was read, what is outstanding with which consumer, what must be sent again. An
// MQTT client's subscriptions, a mapper's subscription and a Java client's subscriber are all this. Owned by its
// tenant, used on the loop only; messages are found and retired by the hub.
#pragma once

#include "common/link/frame.hpp"
#include "messaging/topic/front_queue.hpp"
#include "messaging/topic/read_ahead.hpp"
#include "messaging/topic/topic.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::topic {

class delivery_sink;
class key_shares;

/// Not empty; a wildcard stands alone in its level and `#` in the last one.
bool well_formed_filter(std::string_view filter) noexcept;

/// One stream of a sink attached to a subscription.
struct consumer {
    delivery_sink* sink = nullptr;
    std::uint32_t stream = 0;
    subscription* of = nullptr;
    std::uint64_t credit_messages = 0; ///< absolute totals, FORMAT.md §7
    std::uint64_t credit_bytes = 0;
    std::uint64_t used_messages = 0;
    std::uint64_t used_bytes = 0;

    bool has_credit() const noexcept { return used_messages < credit_messages && used_bytes < credit_bytes; }
};

struct subscribed_filter {
    std::string filter;
    std::uint64_t start = 0;
    std::uint8_t qos = 0;
};

/// Delivered and not yet acknowledged.
struct outstanding {
    std::uint64_t position = 0;
    topic* from = nullptr;
    consumer* with = nullptr; ///< null after a restart, until its stream resumes
    std::uint32_t bytes = 0;
    std::uint32_t ordinal = 0; ///< which delivery of its stream it was (low bits); tells what was lost with a link
    std::uint32_t key = 0;     ///< hash of the record's key, where the subscription goes by keys; 0: none
    std::uint8_t delivery_count = 1;
    bool acknowledged = false;
};

/// Read and not with a consumer: given back, or held back because its key has to wait.
struct redelivery {
    topic* from = nullptr;
    std::uint32_t bytes = 0;
    std::uint32_t key = 0;
    std::uint8_t delivery_count = 1; ///< of the next delivery
    bool must_acknowledge = true;
    bool recovered = false; ///< from the cursor in the log; a client that resumes may know better
};

/// What only few subscriptions have, so that idle ones stay small.
struct put_aside {
    std::multimap<std::int64_t, std::pair<std::uint64_t, redelivery>> delayed; ///< by due time (log clock, ms)
    std::map<std::uint64_t, redelivery> dying; ///< on their way to the dead letters, by position
    read_ahead prefetched;
    bool empty() const noexcept { return delayed.empty() && dying.empty() && prefetched.empty(); }
};

/// Acknowledgements a second as management sampled them last.
struct subscription_rates {
    std::uint64_t before = 0;
    float acknowledged = 0;
    std::uint32_t sampled_s = 0; ///< 0: not yet
};

class subscription {
  public:
    subscription(tenant& owner, std::uint64_t id);
    ~subscription();
    subscription(const subscription&) = delete;
    subscription& operator=(const subscription&) = delete;

    tenant& owner() const noexcept { return owner_; }
    std::uint64_t id() const noexcept { return id_; }

    /// Nothing waits: the next committed message may go straight out.
    bool caught_up() const noexcept { return ready_.empty() && redeliveries.empty() && !loading; }
    /// Everything that was committed has been read (the next one may be looked at where the keys decide).
    bool all_read() const noexcept { return ready_.empty() && !loading; }
    /// Messages in order, so that giving one back means giving back those behind it. An MQTT client's own stream is
    /// not rewound: to it, a repeat would be a duplicate.
    bool rewinds() const noexcept {
        return claim == 0 &&
               (type == msg_link::subscription_type::exclusive || type == msg_link::subscription_type::failover);
    }
    /// Read and not acknowledged: what the cursor has to name one by one.
    std::size_t in_cursor() const noexcept {
        return unacknowledged + redeliveries.size() + (aside ? aside->delayed.size() + aside->dying.size() : 0);
    }
    put_aside& make_aside() {
        if (!aside) aside = std::make_unique<put_aside>();
        return *aside;
    }
    void drop_prefetched(std::uint64_t position) {
        if (!aside) return;
        aside->prefetched.drop(position);
        if (aside->empty()) aside.reset();
    }
    void drop_all_prefetched() {
        if (aside) aside->prefetched.clear();
    }
    /// The consumer that gets the next message, or null when none may.
    consumer* pick() noexcept;

    void queue(edge& one, std::uint64_t position);
    /// The edge with the lowest waiting position; null when none waits.
    edge* next_edge() const noexcept { return ready_.empty() ? nullptr : ready_.front().of; }
    std::uint64_t next_position() const noexcept { return ready_.front().position; }
    void pop_edge();
    /// Calls `visit(edge, position)` for what waits, lowest position first. It returns whether to go on, and the
    /// position of the edge's message behind that one or 0, so that all unread messages are walked in their order.
    template <class Visit> void walk_unread(Visit visit) const;
    void forget_edge(const edge& one);
    void clear_ready();

    /// Adds in position order; almost always at the end.
    void add_outstanding(const outstanding& one);
    /// First entry at or behind the position.
    outstanding* outstanding_from(std::uint64_t position) noexcept;
    void trim_outstanding() noexcept;

    std::string name_space;
    std::string name; ///< empty: private to a claim or session
    msg_link::subscription_type type = msg_link::subscription_type::exclusive;
    msg_link::durability durability = msg_link::durability::leased;
    std::uint64_t claim = 0;   ///< 0: none
    std::uint64_t session = 0; ///< of leased and volatile ones
    std::uint32_t stream = 0;  ///< of private ones, to find it again when the session resumes

    std::vector<subscribed_filter> filters;
    std::vector<edge*> edges; ///< owned by their topics
    std::vector<std::unique_ptr<consumer>> consumers;
    std::size_t turn = 0; ///< round robin

    std::uint64_t read_position = 0;
    front_queue<outstanding> outstanding_list;
    std::size_t unacknowledged = 0;
    std::uint64_t held_bytes = 0; ///< of unread and unacknowledged messages
    std::map<std::uint64_t, redelivery> redeliveries;
    std::unique_ptr<put_aside> aside; ///< null while there is nothing
    std::unique_ptr<key_shares> keys; ///< of key-shared ones
    std::int64_t paused_until_ms = 0; ///< a negative acknowledgement with delay holds ordered types as a whole
    std::int64_t wakes_at_ms = 0;     ///< earliest entry in the hub's list of things due; 0: none
    std::uint16_t max_deliveries = 0; ///< then to the dead letters; 0: no end
    bool declared = false;            ///< named in the configuration
    bool backlog_high = false;        ///< more than 80 % of its topic's quota, told
    bool awaits_resume = false;       ///< came from the log, its client has not said yet what it holds
    bool loading = false;
    bool waits_for_sink = false;
    bool cursor_dirty = false;
    bool deleted = false;
    std::int64_t idle_since_ms = 0;
    std::int64_t last_acknowledged_ms = 0;
    std::uint64_t acknowledged_count = 0;
    subscription_rates rates;

  private:
    struct waiting {
        std::uint64_t position;
        edge* of;
    };
    static bool later(const waiting& a, const waiting& b) noexcept { return a.position > b.position; }

    tenant& owner_;
    std::uint64_t id_;
    std::vector<waiting> ready_; ///< heap, lowest position first
};

template <class Visit> void subscription::walk_unread(Visit visit) const {
    // The heap itself is not touched: its lowest nodes are found by going down from its root.
    struct step {
        std::uint64_t position;
        edge* of;
        std::size_t node; ///< of the heap; none for later messages of an edge
    };
    constexpr auto none = static_cast<std::size_t>(-1);
    const auto behind = [](const step& a, const step& b) { return a.position > b.position; };
    std::vector<step> next;
    const auto push = [&](step one) {
        next.push_back(one);
        std::push_heap(next.begin(), next.end(), behind);
    };
    const auto push_node = [&](std::size_t node) {
        if (node < ready_.size()) push({ready_[node].position, ready_[node].of, node});
    };
    push_node(0);
    while (!next.empty()) {
        std::pop_heap(next.begin(), next.end(), behind);
        const auto one = next.back();
        next.pop_back();
        if (one.node != none) {
            push_node(2 * one.node + 1);
            push_node(2 * one.node + 2);
        }
        const auto [more, later] = visit(*one.of, one.position);
        if (!more) return;
        if (later != 0) push({later, one.of, none});
    }
}

} // namespace messaging::topic
