// The broker's side of the link: every publish of every client goes out here and every delivery comes in. It keeps what
// a reconnect needs (claims, streams, filters) and turns sequences back into packet identifiers. One per process, loop
// only.
#pragma once

#include "broker/relay/admission.hpp"
#include "broker/relay/delivery_pace.hpp"
#include "broker/relay/delivery_sink.hpp"
#include "broker/relay/filter_set.hpp"
#include "broker/relay/stream.hpp"
#include "common/async/turn_call.hpp"
#include "common/auth/tenant_options.hpp"
#include "common/core/clock.hpp"
#include "common/link/link_client.hpp"
#include "common/ops/metrics.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace broker::relay {

namespace asio = boost::asio;

struct claim_details {
    std::string_view tenant;
    std::string_view client_id;
    std::string_view user;
    record::authentication method = record::authentication::basic;
    bool fail_after_refusal = false; ///< 3.x clients
    auth::isolation isolation = auth::isolation::tenant;
    const session::will_request* will = nullptr;
};

struct relay_counters {
    std::uint64_t published = 0;
    std::uint64_t published_qos0_dropped = 0; ///< while the link was down
    std::uint64_t delivered = 0;
    std::uint64_t unmatched = 0;
    std::uint64_t refused = 0;
    std::uint64_t evictions = 0;
    std::uint64_t streams_lost = 0;
};

/// A client's place in the relay. Made by `join`, ended by `leave`; the connection holds the pointer between.
class member;

class relay final : private msg_link::link_handler {
  public:
    relay(asio::any_io_executor executor, msg_link::link_options options, const core::clock& time);
    ~relay() override;

    void start() { link_.start(); }
    asio::awaitable<void> stop(std::chrono::milliseconds patience) { return link_.stop(patience); }
    bool up() const noexcept { return link_.up(); }
    /// How long the link has been down; zero while it is up.
    std::chrono::milliseconds down_for() const noexcept;
    const msg_link::link_client& link() const noexcept { return link_; }
    const relay_counters& counters() const noexcept { return counters_; }
    /// Called when the link comes up or goes down.
    void on_change(std::function<void(bool up)> listener) { listener_ = std::move(listener); }
    /// Takes the time from publish to settlement of one message at a time, which costs two looks at the clock a
    /// round trip, however many messages it carries. Outlives the relay.
    void measure_into(ops::histogram& publish_seconds) { publish_seconds_ = &publish_seconds; }

    member* join(delivery_sink& sink);
    /// The client is gone: releases its claim (will: publish or discard) and ends its stream. `by` is invalid then.
    void leave(member* by, bool publish_will);

    void claim(member& by, const claim_details& details);
    /// Sets the stream's credit; it opens with the first filter. `pace` outlives the member and may be null.
    void set_window(member& by, std::uint16_t messages, std::uint64_t bytes, delivery_pace* pace = nullptr);
    /// False: cannot be taken now (QoS 0 while the link is down).
    bool publish(member& by, const session::publish_request& request, std::uint16_t packet_identifier);
    /// True when a publish on the topic needs a new number on the link.
    bool begins_topic(const member& by, std::string_view topic) const;
    /// False: so many topics are in use that no new one may begin.
    bool has_room_for_topics() const noexcept;
    /// What the broker itself has to say, with QoS 1 and for no client. False: the link takes no more, it is dropped.
    bool publish_own(std::string_view tenant, std::string_view store_topic, const record::fields& message);
    /// False: the connection must stop reading until `on_relay_progress`.
    bool may_publish(const member& by) const noexcept;
    void add_filter(member& by, const session::subscribe_request& wanted, std::uint32_t request);
    void remove_filter(member& by, std::string_view filter, std::uint32_t request);
    bool has_filter(const member& by, std::string_view filter) const;
    void acknowledge(member& by, std::uint64_t position, std::uint32_t credit_bytes);
    /// No more credit goes out while held (the client does not read).
    void hold_credit(member& by, bool held);
    std::size_t members() const noexcept { return members_.size(); }
    /// Ten times a second: clients that wait for their tenant's delivery rate, and the number of topics in use.
    void tick();
    /// Every ten minutes: closes the numbers of topics that nobody published on for an hour.
    void close_idle_topics() { link_.close_idle_topics(std::chrono::hours(1)); }

  private:
    struct settle_entry {
        std::uint64_t sequence;
        member* by; ///< null when the client is gone
        std::uint32_t bytes;
        std::uint32_t topic;             ///< number on the link
        std::uint16_t packet_identifier; ///< 0: QoS 0
    };

    void on_up(bool resumed) override;
    void on_down() override;
    void on_resume(msg_link::resume_list& into) override;
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override;
    void on_claimed(const msg_link::claimed& answer) override;
    void on_evicted(std::uint64_t claim, msg_link::reason why) override;
    void on_subscribed(const msg_link::stream_answer& answer) override;
    void on_filter_done(const msg_link::stream_answer& answer) override;
    void on_stream_ended(const msg_link::stream_answer& answer) override;
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) override;
    void on_state(const msg_link::state&) override {}
    void on_batch_done() override;

    void open_stream(member& by);
    void send_open(const member& by);
    void send_pending(member& by);
    void send_filter(const member& by, std::uint32_t request, std::string_view filter, std::uint8_t qos, bool add);
    void settle(const settle_entry& one, msg_link::reason why);
    std::string_view topic_of(const settle_entry& one) const;
    void touch(member& by);
    void flush();
    bool pay(member& by);
    void wake_blocked();
    member* of_stream(std::uint32_t stream) const noexcept;

    const core::clock& clock_;
    msg_link::link_client link_;
    async::turn_call flush_turn_; ///< acknowledgements and credit go once per turn
    std::function<void(bool)> listener_;
    relay_counters counters_;
    std::unordered_map<member*, std::unique_ptr<member>> members_;
    std::unordered_map<std::uint32_t, member*> streams_;
    std::unordered_map<std::uint64_t, member*> claims_; ///< by claim number
    std::map<std::uint64_t, member*> claims_asked_;     ///< by sequence; null when the client left meanwhile
    std::deque<settle_entry> unsettled_;                ///< publishes, by sequence
    std::vector<member*> touched_;                      ///< have acknowledgements or credit to send
    std::vector<member*> progressed_;                   ///< have answers to flush
    std::vector<member*> paced_;                        ///< wait for their tenant's delivery rate
    mutable std::vector<member*> blocked_;
    std::vector<std::uint64_t> scratch_positions_;
    std::string scratch_record_;
    mutable std::string scratch_filter_;
    std::uint32_t next_stream_ = 1;
    core::steady_time down_since_;
    ops::histogram* publish_seconds_ = nullptr;
    std::uint64_t measured_ = 0; ///< sequence of the message whose time is taken; 0: none
    core::steady_time measured_since_{};
    queue_bound queue_; ///< before heavy clients wait
    core::steady_time topics_swept_{};
};

class member {
  public:
    std::size_t unsettled() const noexcept { return unsettled_; }

  private:
    friend class relay;
    struct asked {
        std::string filter;
        std::uint8_t qos = 0;
        bool add = true;
        std::uint8_t unanswered = 1; ///< store filters whose answer has not come
        msg_link::reason why = msg_link::reason::ok;
    };

    delivery_sink* sink_ = nullptr;
    std::string tenant_;
    std::string client_id_;
    std::string user_;
    record::authentication method_ = record::authentication::none;
    auth::isolation isolation_ = auth::isolation::tenant;
    std::uint64_t claim_ = 0;
    std::uint64_t claim_sequence_ = 0; ///< of the question, while unanswered
    std::uint32_t stream_number_ = 0;  ///< 0: none yet
    bool stream_confirmed_ = false;    ///< messaging said it has the stream: it can be resumed
    std::uint32_t unsettled_ = 0;      ///< QoS 1
    std::uint32_t unsettled_qos0_ = 0;
    std::uint32_t unsettled_bytes_ = 0; ///< of both
    std::uint32_t last_topic_number_ = 0;
    std::uint32_t last_topic_generation_ = 0;
    std::string last_topic_;
    stream stream_;
    delivery_pace* pace_ = nullptr;
    filter_set filters_;
    std::map<std::uint32_t, asked> asked_; ///< filter requests without answer
    bool touched_ = false;
    bool progressed_ = false;
    bool paced_ = false;     ///< in relay::paced_
    bool pace_told_ = false; ///< since it began to wait
    mutable bool blocked_ = false;
    bool credit_held_ = false;
    bool evicted_ = false;
};

} // namespace broker::relay
