// One seeded run of the link simulation: a messaging and a broker's relay, both the real thing, over a network in
// memory that delays, cuts and loses what is on the way; messaging is killed now and then. Time is manual. MQTT clients
// come and go on the broker with wills, publish and subscribe; an observer inside messaging sees what was stored.
#pragma once

#include "broker/relay/relay.hpp"
#include "common/async/task_group.hpp"
#include "messaging/endpoint/link_endpoint.hpp"
#include "messaging/endpoint/link_sessions.hpp"
#include "tests/property/messaging/memory_network.hpp"
#include "tests/support/faulty_file.hpp"
#include "tests/support/manual_clock.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <random>
#include <set>

namespace property {

class link_sim {
  public:
    explicit link_sim(std::uint64_t seed);
    ~link_sim();
    /// Empty when all held, else what did not.
    std::string run();

  private:
    class client;
    class observer;
    using reason = msg_link::reason;

    /// What became of a will: how often it may have been published.
    struct will_fate {
        int least = 0;
        int most = 0;
    };
    struct publish_fate {
        bool settled = false;  ///< the publisher was told that it is stored
        bool doubtful = false; ///< a lease may have ended before that
    };

    void complain(const std::string& what);
    void trace(const std::string& what) const;
    std::uint64_t pick(std::uint64_t below) { return random_() % below; }
    msg_link::link_options options();
    void open();
    void kill();
    void turn();
    bool until(const std::function<bool()>& done);
    void calm();
    void step();
    void advance(std::chrono::milliseconds by);
    void come();
    void leave(std::size_t number, bool badly);
    void publish();
    void probe();
    void check();

    std::mt19937_64 random_;
    std::string complaint_;
    asio::io_context loop_{1};
    support::manual_clock clock_;
    support::faulty_file_system files_;
    messaging::topic::limits limits_;
    bool kicked_ = false;
    std::unique_ptr<messaging::topic::hub> hub_;
    std::unique_ptr<messaging::endpoint::link_sessions> sessions_;
    messaging::endpoint::link_counters counters_;
    std::unique_ptr<async::task_group> served_;
    std::unique_ptr<observer> observer_;
    memory_network network_;
    std::unique_ptr<broker::relay::relay> relay_;
    std::vector<std::unique_ptr<client>> clients_;
    std::map<std::string, std::set<std::uint64_t>> stored_; ///< payload -> positions
    std::map<std::string, will_fate> wills_;
    std::map<std::string, publish_fate> published_;
    std::uint64_t next_ = 1;
    std::uint64_t outages_ = 0; ///< leases that may have ended, and restarts
};

} // namespace property
