// Bad neighbours, for the bench that shows that others do not feel them. Each runs until standard input ends.
//   deaf          subscribes to a topic that is published on at --rate, and never reads again
//   flood         publishes QoS 0 and QoS 1 (one client each) as fast as the sockets take it, and reads its own topic
//   drip-connect  sends a CONNECT, one byte a second
//   drip-publish  connects properly, then sends a PUBLISH, one byte a second
#include "tests/bench/load/held.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/noise.hpp"
#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/poller.hpp"
#include "tests/bench/load/report.hpp"
#include "tests/bench/load/starter.hpp"

#include <cstdio>
#include <deque>

namespace bench {
namespace {

constexpr int small_receive_buffer_bytes = 4096;
constexpr int tick_ms = 2;

class bad_neighbour {
  public:
    explicit bad_neighbour(const options& given) : options_(given), dial_(given), scratch_(64 * 1024) {}
    virtual ~bad_neighbour() = default;

    int run() {
        core::json_writer ready;
        (void)turn(steady_ns()); // dials
        ready.object().member("ready", true);
        print_line(std::move(ready));
        bool again = true;
        while (!input_ended(again ? 0 : tick_ms)) again = turn(steady_ns());
        core::json_writer json;
        json.object();
        report(json);
        print_line(std::move(json));
        return 0;
    }

  protected:
    /// True: more can be done at once.
    virtual bool turn(std::uint64_t now_ns) = 0;
    virtual void report(core::json_writer& json) = 0;

    std::string id(const char* role, unsigned number) const {
        return options_.client_prefix + "-" + role + std::to_string(number);
    }

    const options& options_;
    dialler dial_;
    std::vector<char> scratch_;
};

struct line_totals {
    std::uint64_t dials = 0;
    std::uint64_t closed_by_peer = 0;
    std::uint64_t refused = 0;
    std::string last_problem;

    void add(const line& one) {
        dials += one.dials();
        closed_by_peer += one.losses();
        refused += one.refusals();
        if (!one.last_problem().empty()) last_problem = one.last_problem();
    }
    void write(core::json_writer& json) const {
        json.member("dials", dials).member("closed_by_peer", closed_by_peer).member("refused", refused);
        json.member("last_problem", last_problem);
    }
};

class deaf final : public bad_neighbour {
  public:
    explicit deaf(const options& given)
        : bad_neighbour(given), talker_(dial_, given, id("talker", 0), topic(), given.qos, given.rate) {
        for (unsigned i = 0; i < given.neighbours; ++i)
            lines_.emplace_back(dial_, dial_request{.client_id = id("deaf", i),
                                                    .filters = {topic()},
                                                    .qos = given.qos,
                                                    .receive_buffer_bytes = small_receive_buffer_bytes});
    }

  private:
    std::string topic() const { return options_.topic_prefix + "/deaf"; }

    bool turn(std::uint64_t now_ns) override {
        for (auto& one : lines_)
            if (one.ready(now_ns) && one.hung_up()) one.lost(now_ns);
        return talker_.turn(now_ns, scratch_);
    }

    void report(core::json_writer& json) override {
        json.member("messages", talker_.messages());
        line_totals ears;
        for (const auto& one : lines_) ears.add(one);
        ears.write(json);
        line_totals mouth;
        mouth.add(talker_.own_line());
        json.key("talker").object();
        mouth.write(json);
        json.end();
    }

    noise talker_;
    std::deque<line> lines_;
};

class flood final : public bad_neighbour {
  public:
    explicit flood(const options& given) : bad_neighbour(given) {
        for (unsigned i = 0; i < given.neighbours; ++i) {
            const auto topic = given.topic_prefix + "/flood/" + std::to_string(i);
            readers_.emplace_back(dial_, dial_request{.client_id = id("reader", i), .filters = {topic}});
            for (unsigned qos = 0; qos < 2; ++qos)
                talkers_.emplace_back(dial_, given, id(qos == 0 ? "flood0-" : "flood1-", i), topic, qos, given.rate);
        }
    }

  private:
    bool turn(std::uint64_t now_ns) override {
        bool again = false;
        for (auto& one : readers_)
            if (one.ready(now_ns) && !one.discard(scratch_)) one.lost(now_ns);
        for (auto& one : talkers_) again = one.turn(now_ns, scratch_) || again;
        return again;
    }

    void report(core::json_writer& json) override {
        line_totals all;
        std::uint64_t messages[2] = {0, 0};
        std::uint64_t received = 0;
        for (const auto& one : readers_) {
            all.add(one);
            received += one.received_bytes();
        }
        for (std::size_t i = 0; i < talkers_.size(); ++i) {
            messages[i % 2] += talkers_[i].messages();
            all.add(talkers_[i].own_line());
        }
        json.member("messages_qos0", messages[0]).member("messages_qos1", messages[1]);
        json.member("received_bytes", received);
        all.write(json);
    }

    std::deque<line> readers_;
    std::deque<noise> talkers_;
};

/// One byte a second of a packet, on each of its connections; who is closed comes again at once.
class drip final : public bad_neighbour {
  public:
    drip(const options& given, bool connect)
        : bad_neighbour(given), connect_(connect), starter_(given), sockets_(given.neighbours),
          dripped_(given.neighbours, 0) {
        for (unsigned i = 0; i < given.neighbours; ++i)
            lines_.emplace_back(dial_, dial_request{.client_id = id("drip", i), .filters = {}});
        packet_ = connect ? connect_packet(id("drip", 0), given.user, given.password, keep_alive_s)
                          : make_publish(given.topic_prefix + "/drip", 1, std::string(given.payload_bytes, 'd')).bytes;
        if (!connect) packet_[packet_.size() - given.payload_bytes - 1] = 1; // a packet identifier other than 0
    }

  private:
    /// The connections take turns within the second.
    bool turn(std::uint64_t now_ns) override {
        if (first_ns_ == 0) first_ns_ = now_ns;
        if (!connect_ && drops_ == 0)
            for (auto& one : lines_) (void)one.ready(now_ns);
        const auto due = static_cast<std::uint64_t>(static_cast<double>(now_ns - first_ns_) * 1e-9 *
                                                    static_cast<double>(sockets_.size()));
        for (; drops_ < due; ++drops_) drop(static_cast<std::size_t>(drops_ % sockets_.size()), now_ns);
        return false;
    }

    void drop(std::size_t number, std::uint64_t now_ns) {
        auto& own = lines_[number];
        if (connect_ && !sockets_[number].is_open()) {
            ++dials_;
            dripped_[number] = 0;
            sockets_[number] = starter_.start(); // the byte comes a second later
            return;
        }
        if (!connect_ && !own.ready(now_ns)) return;
        auto& socket = connect_ ? sockets_[number] : own.socket();
        const auto& at = dripped_[number];
        const bool alive = socket.read_some(scratch_.data(), scratch_.size()).state != io_state::closed &&
                           socket.write_some(packet_.data() + at, 1).state == io_state::done;
        if (alive) {
            ++bytes_;
            dripped_[number] = (at + 1) % packet_.size();
            return;
        }
        dripped_[number] = 0;
        if (!connect_) return own.lost(now_ns);
        ++closed_;
        socket.close();
    }

    void report(core::json_writer& json) override {
        line_totals all{.dials = dials_, .closed_by_peer = closed_, .refused = 0, .last_problem = {}};
        if (!connect_)
            for (const auto& one : lines_) all.add(one);
        json.member("bytes", bytes_);
        all.write(json);
    }

    bool connect_;
    starter starter_;
    std::deque<line> lines_;          ///< For PUBLISH.
    std::vector<connection> sockets_; ///< For CONNECT.
    std::vector<std::size_t> dripped_;
    std::string packet_;
    std::uint64_t first_ns_ = 0;
    std::uint64_t drops_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t dials_ = 0;
    std::uint64_t closed_ = 0;
};

} // namespace

int run_neighbour(const options& given) {
    switch (given.neighbour) {
    case misbehaviour::deaf: return deaf(given).run();
    case misbehaviour::flood: return flood(given).run();
    case misbehaviour::drip_connect: return drip(given, true).run();
    case misbehaviour::drip_publish: return drip(given, false).run();
    }
    return 2;
}

} // namespace bench
