// The hub: every message goes through here. It gives positions, keeps quotas, writes the log, and hands what became
// durable to the subscriptions. Owner of tenants, claims and the log; loop only; never blocks except in open and close.
//
// A turn: callers hand in work (publish, subscribe, acknowledge, …); at the end of the turn they call `kick`, the owner
// then calls `flush` once. What was gathered becomes one commit; its completion delivers messages and settles sources.
#pragma once

#include "common/core/clock.hpp"
#include "common/core/error.hpp"
#include "messaging/store/commit_log.hpp"
#include "messaging/topic/claim.hpp"
#include "messaging/topic/delivery_sink.hpp"
#include "messaging/topic/hub_types.hpp"
#include "messaging/topic/publish_source.hpp"
#include "messaging/topic/tenant.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace messaging::topic {

class hub final : private store::commit_listener, private store::recovery_handler {
  public:
    /// `time` outlives the hub. `kicked` is called (once per turn at least) when `flush` has something to do.
    hub(limits defaults, const core::clock& time, std::function<void()> kicked);
    ~hub() override;

    core::error_code open(store::log_options options, store::file_system& files, store::post_function post);
    /// Flushes, waits for the log and closes it.
    void close();
    bool failed() const noexcept { return log_ && !log_->failed().empty(); }
    /// Messages are refused for want of disk space: by store::log_options::disk_bytes_max, or because the disk said so
    /// within the last second. Everything else goes on as far as the reserve reaches; ends by itself.
    bool disk_full() const noexcept { return disk_full_until_ms_ != 0 || log_->reserve_reached(); }
    const store::commit_log& log() const noexcept { return *log_; }
    /// Records of live messages, read off the loop; for management.
    void fetch(std::vector<store::read_request> requests, store::fetch_callback callback) {
        log_->fetch(std::move(requests), std::move(callback));
    }
    std::uint64_t incarnation() const noexcept { return log_->incarnation(); }
    const limits& defaults() const noexcept { return defaults_; }
    /// What a tenant may use where it is not the defaults. Before `open`, and again when something changed: holds for
    /// all tenants at once.
    void use_limits(std::function<limits(std::string_view tenant)> source);
    const hub_stats& stats() const noexcept { return stats_; }
    /// Called for each thing a tenant's administrator should hear of, with the alarm's type; the listener limits the
    /// rate.
    void on_alarm(std::function<void(const std::string& tenant, std::string_view type)> listener) {
        alarm_ = std::move(listener);
    }
    std::int64_t now_ms() const noexcept;
    /// What messaging itself has to say, to the tenant's topic in namespace `mqtt`. False: it was not taken.
    bool publish_own(std::string_view tenant, std::string_view name, core::byte_span record);

    void kick();
    void flush();
    /// Every 100 ms: cursors, expiry, idle topics.
    void tick();

    // Topics and publishing.
    /// Null with `why` when the tenant may have no more topics. Each success is paired with `close_topic`.
    topic* open_topic(std::string_view tenant, std::string_view name_space, std::string_view name,
                      msg_link::reason& why);
    void close_topic(topic& one);
    /// The caller has counted `source.received` up. Outcome by `source.on_settled`.
    void publish(publish_source& source, topic* to, claim* by, core::byte_span record);
    /// Settles the frame `source.received` as refused; fails the claim `by` (may be null) where it asked for that.
    void refuse(publish_source& source, claim* by, core::byte_span record, msg_link::reason why);
    /// Marks that `source` has something to settle in this turn.
    void touch(publish_source& source);
    /// The source goes away: nothing is reported to it any more.
    void forget(publish_source& source);

    // Subscriptions.
    /// Finds or makes the subscription. `busy` for an exclusive one that has a consumer.
    subscription* subscribe(const subscribe_request& request, msg_link::reason& why);
    /// `name` says which keys of a key-shared subscription it gets; empty: one that nobody had before.
    consumer* attach(subscription& to, delivery_sink& sink, std::uint32_t stream, std::string_view name = {});
    /// Takes the consumer away; what it had outstanding is delivered again to others (or to its successor).
    void detach(consumer& one);
    void remove(subscription& one, msg_link::reason told);
    msg_link::reason add_filter(subscription& to, std::string_view filter, std::uint8_t qos, msg_link::start_at start);
    bool remove_filter(subscription& from, std::string_view filter);
    /// Runs `done` when everything appended so far is durable (or with the error that it is not).
    void when_durable(std::function<void(core::error_code)> done);
    void credit(consumer& of, std::uint64_t messages, std::uint64_t bytes);
    void acknowledge(consumer& of, std::uint64_t from, std::uint64_t to);
    /// Gives messages back. Exclusive and failover subscriptions are rewound to the first of them, key-shared ones
    /// within its key, and wait `delay_ms` (at most an hour; forgotten by a restart); in shared ones each waits alone.
    void negative_acknowledge(consumer& of, std::uint64_t from, std::uint64_t to, std::uint32_t delay_ms);
    /// After this many deliveries a message that is given back goes to the topic `$dead/<subscription>` instead, in one
    /// log write with its acknowledgement; a full one leaves it where it is. 0: never. Durable.
    void set_max_deliveries(subscription& of, std::uint16_t most);
    /// False while it has consumers.
    bool change_type(subscription& of, msg_link::subscription_type type);
    /// Marks what the configuration names; durable, so that one it names no more can be told from others.
    void set_declared(subscription& one, bool declared);
    /// Puts a named subscription where `target` says: what is still stored behind it comes (again), what is before it
    /// is acknowledged. Messages that nobody held any more do not come back. Ends its streams (`moved`), because what
    /// they hold means nothing any more. `bad_request` for private ones. Durable with the next `when_durable`.
    msg_link::reason seek(subscription& one, const seek_target& target);
    /// FORMAT.md §5: what the client says it has is the truth.
    void resume(consumer& of, const msg_link::resume_stream& told);
    /// The sink can take records again.
    void sink_ready(delivery_sink& sink);
    subscription* find_subscription(std::string_view tenant, std::string_view name_space, std::string_view name);

    // Claims.
    void make_claim(claim_holder& holder, std::uint64_t session, std::uint64_t sequence,
                    const msg_link::claim& request);
    void end_claim(std::uint64_t number, bool publish_will);
    claim* find_claim(std::uint64_t number) noexcept;
    /// Sessions register to hear of their claims; after a restart, sessions found in the log wait for theirs.
    void register_session(std::uint64_t session, claim_holder& holder);
    void unregister_session(std::uint64_t session);
    /// End of a lease: claims with will, private subscriptions, the watermark.
    void end_session(std::uint64_t session);
    std::vector<claim*> claims_of(std::uint64_t session);
    /// Sessions that the log knows, for their leases after a restart.
    std::vector<std::uint64_t> recovered_sessions() const;
    std::vector<subscription*> subscriptions_of(std::uint64_t session);
    producer_state* find_producer(std::uint64_t session);

    // Keyed state.
    msg_link::reason put_state(std::string_view tenant, std::string_view name_space, std::string_view key, bool present,
                               core::byte_span value);
    const std::map<std::string, std::string, std::less<>>* states(std::string_view tenant, std::string_view name_space);

    const std::map<std::string, std::unique_ptr<tenant>, std::less<>>& tenants() const noexcept { return tenants_; }
    std::size_t claim_count() const noexcept { return claims_.size(); }
    std::size_t session_count() const noexcept { return sessions_.size(); }

  private:
    struct pending_message {
        topic* to = nullptr;
        std::uint64_t position = 0;
        std::int64_t time_ms = 0;
        publish_source* source = nullptr;
        std::uint64_t sequence = 0;
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0;
    };
    struct mark {
        publish_source* source = nullptr;
        std::uint64_t up_to = 0;
        std::vector<msg_link::run> runs;
    };
    struct copied_message {
        std::uint32_t topic = 0; ///< store number: the topic may be gone when the copy is committed
        std::uint64_t position = 0;
        store::location from;
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0; ///< record bytes
    };
    struct work {
        std::uint64_t commit = 0;
        std::vector<pending_message> messages;
        std::vector<copied_message> copies;
        std::vector<mark> marks;
        std::vector<std::function<void(core::error_code)>> callbacks;
    };

    // hub_commit.cpp
    void on_committed(const store::committed_batch& done) override;
    void on_rolled(std::uint32_t segment) override;
    void on_snapshot_written(core::error_code error, std::uint64_t commit) override;
    void complete(work& batch, const store::committed_batch& done);
    void refuse_batch(work& batch, const store::committed_batch& done);
    void report(work& batch, core::error_code error);
    void settle(mark& one);
    work& gathering_work();
    void place_staged();
    void end_slow_ones();
    void append_journal(std::uint8_t type, std::uint32_t topic, std::string_view body);
    void mark_sources();
    std::string make_snapshot() const;

    // hub_publish.cpp
    msg_link::reason check_publish(const topic* to, const claim* by, core::byte_span record) const noexcept;
    void append_message(topic& to, publish_source* source, core::byte_span record);
    void begin_batch(publish_source* current);
    topic* topic_of_clients(tenant& owner, std::string_view name_space, std::string_view name);
    topic* address_device(topic& to, core::byte_span record);
    void publish_will(will& due, tenant& owner);
    topic* topic_of_will(const will& due, tenant& owner);
    topic* find_topic(tenant& owner, std::string_view name_space, std::string_view name) noexcept;
    topic& make_topic(tenant& owner, std::string_view name_space, std::string_view name);
    void number_topic(topic& one);
    tenant& tenant_of(std::string_view name);
    bool remove_topic_if_unused(std::size_t index);
    void sweep_topics();
    void expire(topic& one);
    void drop_oldest(topic& one);
    void count_bytes(topic& of, std::int64_t bytes) noexcept;

    // hub_dispatch.cpp
    void dispatch(topic& from, message& one, core::byte_span record, bool late);
    void send(subscription& to, consumer& with, const edge& through, message& one, std::uint8_t delivery_count,
              core::byte_span record, std::uint32_t key = 0);
    void hand_over(const topic& from, std::uint64_t position, std::uint8_t delivery_count, core::byte_span record);
    void pump(subscription& one);
    bool pump_one(subscription& one, consumer* with);
    enum class again_outcome : std::uint8_t { sent, gone, reading };
    again_outcome send_again(subscription& one, consumer& with, std::uint64_t position);
    bool forget_if_gone(subscription& one, std::uint64_t position);
    static bool must_be_acknowledged(const edge& through, core::byte_span record) noexcept;
    bool may_read(const subscription& of) const noexcept;
    core::byte_span record_of(subscription& one, const topic& from, const message& what,
                              std::shared_ptr<const store::batch>& held);
    void wait_for(delivery_sink& sink, subscription& one);
    void check_lag(subscription& one);
    void note_calm(subscription& one);
    void skip_behind(subscription& one);

    // hub_read.cpp
    struct read_list {
        std::vector<store::read_request> requests;
        std::vector<topic*> topics;
        std::size_t bytes = 0;
        bool room() const noexcept;
        void add(topic& from, const message& one);
    };
    void prefetch(subscription& one);
    void prefetch_again(subscription& one, std::uint64_t position);
    void fetch(subscription& one, read_list wanted);
    void give_up(const std::vector<topic*>& among, store::location where, core::error_code error);

    // hub_keys.cpp
    void use_type(subscription& of, msg_link::subscription_type type);
    void pump_keys(subscription& one);
    bool serve_key(subscription& one, std::uint32_t key);
    bool classify_next(subscription& one);
    bool take_keyed(subscription& to, edge& through, message& one, core::byte_span record);

    // hub_settle.cpp
    void note_cursor(subscription& one);
    void give_back(subscription& of, outstanding& one, std::uint8_t count, std::int64_t due_ms);
    void wake_at(subscription& one, std::int64_t due_ms);
    void wake_due();
    void wake(subscription& one, std::int64_t now);
    /// One subscription less needs the message at that position.
    void release(topic& from, std::uint64_t position);
    void retire(topic& from, message& one);
    void drop_outstanding(subscription& of, outstanding& one);
    bool expired(const topic& of, const message& one) const noexcept { return expired(of, one.time_ms, now_ms()); }
    static bool expired(const topic& of, std::int64_t time_ms, std::int64_t now) noexcept;
    void trim_kept(topic& one);
    void note_read(const subscription& by, topic& from, std::uint64_t position);

    // hub_dead_letter.cpp
    bool bury(subscription& one, std::uint64_t position, core::byte_span record);
    void buried(std::uint64_t subscription_id, std::uint64_t position, core::error_code error);

    // hub_seek.cpp
    void drop_in_flight(subscription& one);

    // hub_subscribe.cpp, hub_filters.cpp
    void log_settings(const subscription& of);
    void take_off(consumer& one);
    // hub_resume.cpp
    void resume_recovered(consumer& of, std::uint64_t taken, const std::function<bool(std::uint64_t)>& is_listed);
    void connect(subscription& by, topic& to, const subscribed_filter& filter);
    void disconnect(subscription& by, topic& to);
    void connect_new_topic(topic& made);
    void give_unread(subscription& by, edge& through);
    void requeue(subscription& one);
    void release_all(subscription& one, topic& from, std::uint64_t behind, std::uint64_t up_to = ~std::uint64_t{0});
    void index_filter(subscription& by, const subscribed_filter& filter);
    void unindex_filter(subscription& by, std::string_view filter);
    void destroy(subscription& one);

    // hub_relog.cpp
    void log_again(const store::batch& refused);
    void log_again(const store::entry_view& entry);
    void append_again();
    void append_subscription(std::uint64_t id, bool sought);
    void watch_disk();

    // hub_space.cpp
    message* find_at(std::uint32_t topic_number, std::uint64_t position, store::location where) noexcept;
    void copy_forward();
    void copy_next();
    void copy_read(const store::fetched& read);
    void end_copying(bool failed);
    void place_copies(work& batch, const store::committed_batch& done);

    // hub_recovery.cpp
    void on_snapshot(core::byte_span bytes, std::uint64_t commit) override;
    void on_entry(const store::entry_view& entry, store::location where, bool covered_by_snapshot) override;
    void on_indexed(const store::indexed_entry& entry, store::location where) override;
    void on_progress(std::uint64_t done, std::uint64_t total) override;
    void replay(std::uint8_t type, std::uint32_t topic, core::byte_span body);
    void replay_message(const store::entry_view& entry, store::location where);
    void finish_recovery();

    limits defaults_;
    const core::clock& clock_;
    std::function<void()> kicked_;
    bool kick_pending_ = false;
    std::unique_ptr<store::commit_log> log_;
    std::map<std::string, std::unique_ptr<tenant>, std::less<>> tenants_;
    std::unordered_map<std::uint32_t, topic*> numbered_;
    std::unordered_map<std::uint64_t, std::unique_ptr<claim>> claims_;
    std::map<std::pair<std::string, std::string>, claim*> claimed_clients_;
    std::map<std::uint64_t, claim_holder*> sessions_;
    std::map<std::uint64_t, producer_state> producers_;
    std::unordered_map<std::uint64_t, subscription*> subscriptions_;
    std::deque<work> works_;
    work staged_;                     ///< marks and callbacks of this turn, until it is known which commit carries them
    std::vector<std::uint64_t> slow_; ///< subscriptions to skip or end after this batch
    std::vector<publish_source*> dirty_sources_;
    std::vector<delivery_sink*> touched_sinks_;
    std::vector<subscription*> dirty_cursors_;
    std::vector<topic*> dirty_marks_;
    std::map<std::int64_t, std::vector<std::uint64_t>> due_; ///< subscriptions with something due, by tick
    std::uint64_t next_unnamed_ = 1;                         ///< consumer without a name of its own
    std::function<limits(std::string_view)> limits_source_;
    std::vector<topic*> live_topics_; ///< have messages, or may be removed
    std::size_t sweep_at_ = 0;
    std::string scratch_;
    std::string name_scratch_;
    std::function<void(const std::string&, std::string_view)> alarm_;
    std::uint64_t next_claim_ = 1;
    std::uint64_t next_subscription_ = 1;
    std::uint32_t next_topic_ = 1;
    std::uint64_t next_topic_identity_ = 1;
    bool want_snapshot_ = false;
    bool recovering_ = false;
    bool closing_ = false;
    /// What refused batches should have logged, by name: it is logged anew as it stands then.
    struct owed {
        std::set<std::uint32_t> topics;
        std::set<std::uint64_t> subscriptions;
        std::set<std::uint64_t> sought;
        std::set<std::pair<std::uint64_t, std::string>> filters_removed;
        std::set<std::uint64_t> claims;
        std::set<std::uint64_t> sessions;
        std::set<std::array<std::string, 3>> states;   ///< tenant, namespace, key
        std::vector<std::pair<std::string, will>> own; ///< messages without a publisher: tenant and message
    } owed_;
    bool owes_ = false;
    std::int64_t owed_after_ms_ = 0;      ///< when to try without other work
    std::int64_t disk_full_until_ms_ = 0; ///< 0: the disk is not full as far as we know
    bool told_disk_full_ = false;
    /// The segment whose live messages are being copied forward.
    struct copying {
        std::shared_ptr<const store::segment_index> index; ///< null: none, or not read yet
        std::size_t next = 0;                              ///< in it
        bool running = false;
    } copying_;
    std::int64_t copy_after_ms_ = 0;
    std::int64_t snapshot_after_ms_ = 0; ///< when one that could not be written is tried again; 0: none
    std::int64_t base_wall_ms_ = 0;
    core::steady_time base_steady_{};
    core::steady_time progress_told_{};
    std::vector<std::pair<store::location, std::uint32_t>> dead_at_start_;
    struct recovered_message {
        std::uint32_t topic;
        message what;
    };
    std::vector<recovered_message> orphan_messages_; ///< seen before their topic's entry
    std::int64_t newest_entry_ms_ = 0;
    hub_stats stats_;
};

} // namespace messaging::topic
