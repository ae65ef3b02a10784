// store-soak: publishes to messaging at a steady rate for a long time while topics, subscriptions and consumers come
// and go; one line of JSON per interval. One subscription lives through all of it and misses nothing: that is checked.
// soak.py runs it.
#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/report.hpp"
#include "tests/bench/store/link_login.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <unordered_map>
#include <vector>

namespace {

namespace asio = boost::asio;
using bench::store::problem;
using bench::store::read_number;

constexpr const char* usage = R"(store-soak --port N --secret-file F [options]

--tenant T  --rate MSGS_PER_SECOND  --seconds S  --report S  --topics N  --churn CHANGES_PER_SECOND  --payload BYTES
--seed N
)";

struct soak_options {
    std::uint16_t port = 0;
    std::string secret_file;
    std::string tenant = "t0815";
    double rate = 50'000;
    double seconds = 1800;
    double report = 5;
    double churn = 5;
    std::uint32_t topics = 200;
    std::uint32_t payload_bytes = 128;
    std::uint64_t seed = 1;
};

soak_options read_options(int count, char** words) {
    soak_options into;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        const std::string_view value = words[i + 1];
        if (name == "--port")
            read_number(value, into.port);
        else if (name == "--secret-file")
            into.secret_file = value;
        else if (name == "--tenant")
            into.tenant = value;
        else if (name == "--rate")
            read_number(value, into.rate);
        else if (name == "--seconds")
            read_number(value, into.seconds);
        else if (name == "--report")
            read_number(value, into.report);
        else if (name == "--churn")
            read_number(value, into.churn);
        else if (name == "--topics")
            read_number(value, into.topics);
        else if (name == "--payload")
            read_number(value, into.payload_bytes);
        else if (name == "--seed")
            read_number(value, into.seed);
        else
            throw problem("unknown option " + std::string(name));
    }
    if (into.port == 0 || into.secret_file.empty() || into.topics == 0 || into.payload_bytes < 20) throw problem(usage);
    return into;
}

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// What every message begins with.
struct stamp {
    std::uint64_t sent_ns;
    std::uint64_t number; ///< on its topic, from 1
    std::uint32_t topic;  ///< never used again
};

class soak final : private msg_link::link_handler {
  public:
    explicit soak(const soak_options& with)
        : options_(with), random_(with.seed),
          client_(io_.get_executor(), bench::store::link_options_for(with.port, with.secret_file), *this),
          payload_(with.payload_bytes, 'x') {}

    bool run() {
        client_.start();
        wait_until([this] { return client_.up(); }, "the link to come up");
        open_steady();
        for (std::uint32_t i = 0; i < churned; ++i) slots_.push_back({});
        for (std::uint32_t i = 0; i < options_.topics; ++i) topics_.push_back(fresh_topic(i));
        const auto begin = now_ns();
        const auto end = begin + bench::from_seconds(options_.seconds);
        auto report_at = begin + bench::from_seconds(options_.report);
        auto churn_at = begin;
        for (auto now = begin; now < end; now = now_ns()) {
            publish_due(now - begin);
            if (now >= churn_at) {
                churn();
                churn_at += bench::from_seconds(1.0 / options_.churn);
            }
            if (now >= report_at) {
                report(now - begin, false);
                report_at += bench::from_seconds(options_.report);
            }
            turn(1);
        }
        wait_until([this] { return acknowledged_ == published_ && delivered_ == published_; }, "the last messages");
        report(now_ns() - begin, true);
        stop();
        return wrong_ == 0;
    }

  private:
    static constexpr std::uint32_t steady_stream = 1, churned = 8;
    static constexpr std::uint64_t credit_messages = 50'000, credit_bytes = 32u << 20;

    struct topic {
        std::uint32_t number;
        std::uint64_t published = 0;
        std::uint32_t link_number = 0;
        std::string name;
    };
    struct stream {
        std::vector<std::uint64_t> taken; ///< positions, of this batch
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        std::uint64_t granted = 0;
    };
    struct slot {
        std::uint32_t stream = 0; ///< 0: nobody consumes
        std::uint32_t life = 0;   ///< part of the subscription's name
    };

    void stop() {
        for (const auto& each : slots_)
            if (each.stream != 0) client_.send_stream_close(each.stream, true);
        client_.send_stream_close(steady_stream, true);
        bool stopped = false;
        asio::co_spawn(io_, client_.stop(std::chrono::seconds(2)), [&](std::exception_ptr) { stopped = true; });
        while (!stopped && io_.run_one() > 0) {
        }
    }
    void turn(int milliseconds) {
        io_.run_one_for(std::chrono::milliseconds(milliseconds));
        io_.poll();
        if (!failure_.empty()) throw problem(failure_);
    }
    template <class Condition> void wait_until(Condition met, const char* what) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (!met()) {
            if (std::chrono::steady_clock::now() > deadline)
                throw problem(fmt::format("waited in vain for {}: published {}, acknowledged {}, delivered {}", what,
                                          published_, acknowledged_, delivered_));
            turn(100);
        }
    }

    topic fresh_topic(std::uint32_t place) {
        topic made;
        made.number = ++topics_made_;
        made.name = fmt::format("soak/{}/{}", place % churned, made.number);
        made.link_number = client_.topic_number(options_.tenant, "mqtt", made.name);
        return made;
    }
    void open(std::uint32_t number, const std::string& name, const std::string& filter) {
        msg_link::subscribe frame;
        frame.stream = number;
        frame.durability = msg_link::durability::durable;
        frame.tenant = options_.tenant;
        frame.name_space = "mqtt";
        frame.name = name;
        client_.send_subscribe(frame);
        client_.send_filter_add({number, number, 1, filter});
        streams_[number] = {};
        grant(number, streams_[number]);
    }
    void open_steady() {
        open(steady_stream, "steady", "soak/#");
        wait_until([this] { return filters_ > 0; }, "the first subscription");
    }
    /// A consumer goes and comes back, a subscription is removed and another made, or a topic ends and a new one
    /// begins.
    void churn() {
        auto& chosen = slots_[random_() % slots_.size()];
        const auto index = static_cast<std::uint32_t>(&chosen - slots_.data());
        if (chosen.stream == 0) {
            chosen.stream = ++streams_made_;
            open(chosen.stream, fmt::format("churn{}-{}", index, chosen.life), fmt::format("soak/{}/#", index));
        } else {
            const bool remove = random_() % 2 == 0;
            client_.send_stream_close(chosen.stream, remove);
            streams_.erase(chosen.stream);
            chosen.stream = 0;
            if (remove) ++chosen.life;
        }
        const auto place = static_cast<std::uint32_t>(random_() % topics_.size());
        topics_[place] = fresh_topic(place);
        ++changes_;
        if (changes_ % 512 == 0) {
            client_.close_idle_topics(std::chrono::seconds(10));
            for (auto& each : topics_) each.link_number = client_.topic_number(options_.tenant, "mqtt", each.name);
        }
    }
    void publish_due(std::uint64_t since_begin) {
        const auto due = static_cast<std::uint64_t>(static_cast<double>(since_begin) * 1e-9 * options_.rate);
        for (std::uint64_t burst = 0; published_ < due && client_.may_send() && burst < 1000; ++burst) {
            auto& to = topics_[published_ % topics_.size()];
            const stamp begin{now_ns(), ++to.published, to.number};
            std::memcpy(payload_.data(), &begin, sizeof begin);
            record::fields fields;
            fields.qos = 1;
            fields.authenticated_by = record::authentication::basic;
            fields.client_id = "soak";
            fields.key_is_client_id = true;
            fields.user = "soak";
            fields.payload = payload_;
            client_.send_publish(to.link_number, 0, fields);
            ++published_;
        }
    }
    void grant(std::uint32_t number, stream& one) {
        one.granted = one.messages + credit_messages;
        client_.send_credit(number, one.granted, one.bytes + credit_bytes);
    }
    void report(std::uint64_t since_begin, bool last) {
        core::json_writer json;
        json.object().member("seconds", static_cast<double>(since_begin) * 1e-9).member("last", last);
        json.member("published", published_).member("acknowledged", acknowledged_).member("delivered", delivered_);
        json.member("churned_deliveries", churned_deliveries_).member("changes", changes_).member("wrong", wrong_);
        bench::write_latency(json, "deliver_ms", interval_);
        bench::print_line(std::move(json.end()));
        interval_ = {};
    }

    void on_up(bool resumed) override {
        if (published_ > 0 && !resumed) failure_ = "the link was lost";
    }
    void on_down() override {}
    void on_resume(msg_link::resume_list&) override {
        if (published_ > 0) failure_ = "the link was cut";
    }
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override {
        for (const auto& run : runs)
            if (run.why != msg_link::reason::ok)
                failure_ = fmt::format("a publish was refused: {}", msg_link::text(run.why));
        acknowledged_ += up_to - settled_;
        settled_ = up_to;
    }
    void on_claimed(const msg_link::claimed&) override {}
    void on_evicted(std::uint64_t, msg_link::reason) override {}
    void on_subscribed(const msg_link::stream_answer& answer) override {
        if (answer.why != msg_link::reason::ok) failure_ = "a subscription was refused: " + std::string(answer.message);
    }
    void on_filter_done(const msg_link::stream_answer&) override { ++filters_; }
    void on_stream_ended(const msg_link::stream_answer& answer) override {
        if (streams_.contains(answer.stream)) failure_ = "a subscription ended: " + std::string(answer.message);
    }
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name&) override {
        const auto fields = record::parse(frame.record);
        if (!fields || fields->payload.size() != payload_.size()) {
            failure_ = "a record of unknown form";
            return;
        }
        for (std::size_t i = 0; i < frame.streams.size(); ++i) {
            const std::uint32_t number = frame.streams[i] & ~msg_link::must_acknowledge;
            const auto found = streams_.find(number);
            if (found == streams_.end()) continue; // closed meanwhile
            auto& one = found->second;
            one.taken.push_back(frame.position);
            ++one.messages;
            one.bytes += frame.record.size();
            if (number == steady_stream)
                check(fields->payload);
            else
                ++churned_deliveries_;
        }
    }
    void check(std::string_view payload) {
        stamp found{};
        std::memcpy(&found, payload.data(), sizeof found);
        interval_.record(now_ns() - found.sent_ns);
        ++delivered_;
        auto& last = last_[found.topic];
        if (found.number != last + 1) {
            ++wrong_;
            std::fprintf(stderr, "topic %u: %llu after %llu\n", found.topic,
                         static_cast<unsigned long long>(found.number), static_cast<unsigned long long>(last));
        }
        last = found.number;
    }
    void on_state(const msg_link::state&) override {}
    void on_batch_done() override {
        for (auto& [number, one] : streams_) {
            if (one.taken.empty()) continue;
            ranges_.clear();
            for (const std::uint64_t position : one.taken) {
                if (ranges_.empty() || position != ranges_.back() + 1) {
                    ranges_.push_back(position);
                    ranges_.push_back(position);
                } else {
                    ranges_.back() = position;
                }
            }
            client_.send_acknowledge(number, ranges_);
            one.taken.clear();
            if (one.granted - one.messages < credit_messages / 2) grant(number, one);
        }
    }

    const soak_options& options_;
    std::mt19937_64 random_;
    asio::io_context io_{1};
    msg_link::link_client client_;
    std::string failure_;
    std::string payload_;
    std::vector<topic> topics_;
    std::vector<slot> slots_;
    std::map<std::uint32_t, stream> streams_;
    std::unordered_map<std::uint32_t, std::uint64_t> last_; ///< of each topic: the last number delivered
    std::vector<std::uint64_t> ranges_;
    std::uint32_t topics_made_ = 0;
    std::uint32_t streams_made_ = steady_stream;
    std::uint64_t filters_ = 0;
    std::uint64_t changes_ = 0;
    std::uint64_t settled_ = 0;
    std::uint64_t published_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t churned_deliveries_ = 0;
    std::uint64_t wrong_ = 0;
    bench::histogram interval_;
};

} // namespace

int main(int count, char** words) {
    try {
        const auto with = read_options(count, words);
        core::log::start("store-soak", core::log::level::error);
        return soak(with).run() ? 0 : 1;
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "store-soak: %s\n", failed.what());
        return 1;
    }
}
