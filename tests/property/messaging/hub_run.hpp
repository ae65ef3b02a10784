// One seeded run of the hub campaign: some lives of a process, each a row of random operations with faults of the disk,
// each ended by a stop, a kill or a power cut. After each operation the hub must agree with the oracle, and after each
// restart with one of the states that the oracle allows.
#pragma once

#include "messaging/topic/delivery_sink.hpp"
#include "messaging/topic/publish_source.hpp"
#include "tests/property/messaging/hub_oracle.hpp"
#include "tests/property/messaging/hub_world.hpp"

#include <array>
#include <deque>
#include <random>
#include <set>

namespace property {

class hub_run {
  public:
    /// `flips`: synced bytes change while the process is down; then messages may be missing, if that is reported.
    hub_run(std::uint64_t seed, bool flips);
    ~hub_run();
    /// Empty when all held, else what did not.
    std::string run();

  private:
    class sink;
    class source;
    class claims;
    using reason = msg_link::reason;
    using type = msg_link::subscription_type;

    // hub_run.cpp
    void live();
    void step();
    void plan_faults();
    void end_life();
    void advance(std::int64_t ms);
    void settle();
    void checkpoint();
    void complain(const std::string& what);
    /// With HUB_TRACE in the environment: what is done, line by line.
    void trace(const std::string& what) const;
    std::uint64_t pick(std::uint64_t below) { return random_() % below; }
    bool one_in(std::uint64_t n) { return pick(n) == 0; }
    messaging::topic::hub& hub() { return *world_.hub; }
    std::int64_t now() { return hub().now_ms(); }
    std::uint64_t version() { return ++version_; }

    // hub_run_publish.cpp
    void publish();
    void publish_one(std::size_t tenant, const std::string& topic, source& by, std::size_t bytes);
    std::string make_record(std::uint64_t id, std::uint8_t qos, const std::string& key, std::size_t bytes);
    reason expected_outcome(std::size_t tenant, const std::string& topic, std::size_t bytes);
    message_model& add_message(std::uint64_t id, std::size_t tenant, const std::string& topic);
    void on_settled(source& by, std::uint64_t up_to, const std::vector<msg_link::run>& runs);
    void refuse(message_model& one);
    void claim();
    void end_claim();
    void end_claim(claim_model& one, bool publish_will);
    void put_state();

    // hub_run_subscribe.cpp
    void subscribe();
    void attach();
    void detach();
    void remove_subscription();
    void change_filter();
    void change_type();
    void acknowledge();
    void give_back();
    void seek();
    void give_credit();
    void toggle_sink();
    void take_off(subscription_model& of, std::uint32_t stream);
    void forget_needs_of(subscription_model& of);
    subscription_model* pick_subscription();
    messaging::topic::subscription* real(const subscription_model& of);
    messaging::topic::consumer* real(const subscription_model& of, std::uint32_t stream);
    bool matches(const subscription_model& of, const std::string& topic) const;

    // hub_run_checks.cpp
    void on_delivered(std::uint32_t marked_stream, const messaging::topic::topic& from, std::uint64_t position,
                      int count, core::byte_span record);
    void check_order(const subscription_model& by, const need& wanted, const message_model& what, std::uint32_t stream);
    void adopt_will(message_model& what, std::uint64_t position);
    void check_bytes();
    void check_progress();
    void note_buried();
    void expire(bool flying = false);
    bool alive(const message_model& one) const;
    void tidy();
    void drain();

    // hub_run_restart.cpp
    void reopen();
    void resolve();
    void find_certain();
    void resolve_subscription(subscription_model& one);
    void resolve_needs(subscription_model& one, messaging::topic::subscription& by);
    void resolve_source(source& old, source& fresh);
    void resolve_sources();
    void resolve_states();
    void resolve_claims();
    void adopt_old(subscription_model& one, std::uint64_t position);
    void identify_unknown();
    std::set<std::uint64_t> letters_of(const subscription_model& one);
    std::map<std::uint64_t, const messaging::topic::message*> present(std::size_t tenant);
    std::string record_at(const messaging::topic::message& one);
    bool must_exist(const message_model& one) const;
    bool alive_after_restart(std::uint64_t id) const;
    void flip_bits();
    void check_damaged();

    static constexpr std::size_t tenants = 2;
    static constexpr std::array<const char*, 5> topics{"a/1", "a/2", "b/1", "b/2", "c"};

    std::mt19937_64 random_;
    bool flips_;
    bool traced_;
    hub_world world_;
    std::string complaint_;
    std::string place_; ///< of a complaint

    std::uint64_t version_ = 0; ///< of changes
    std::uint64_t durable_ = 0; ///< everything up to this version is
    std::map<std::uint64_t, message_model> messages_;
    std::map<std::uint64_t, std::uint64_t> by_position_[tenants];
    std::map<std::string, subscription_model> subscriptions_; ///< by name; names are not used twice
    std::map<std::string, claim_model> claims_by_client_;
    std::map<state_key, history<std::optional<std::string>>> states_;
    std::vector<std::unique_ptr<source>> sources_;
    std::vector<std::unique_ptr<sink>> sinks_;
    std::unique_ptr<claims> holder_;
    std::map<std::uint32_t, std::string> streams_; ///< stream -> subscription
    std::uint32_t next_stream_ = 1;
    std::uint64_t next_message_ = 1;
    std::uint64_t next_name_ = 1;
    bool loose_ = false; ///< a will was refused with its batch: it comes again when the log works, we cannot say where
    bool may_refuse_ = false; ///< a fault is planned or the disk is small: refusals by the log are no surprise
    std::uint64_t refused_commits_ = 0;
    bool flipped_ = false;
    bool last_ = false;              ///< nothing goes wrong any more
    std::int64_t calm_after_ms_ = 0; ///< progress is not judged before
    bool frozen_ = false;            ///< a freeze was planned while opening and has not shown
    std::set<std::uint64_t> certain_;
};

} // namespace property
