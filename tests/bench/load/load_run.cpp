// The throughput and latency run: connect all, warm up, measure, stop, wait for the rest, report.
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/poller.hpp"
#include "tests/bench/load/report.hpp"
#include "tests/bench/load/subscriber.hpp"

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <random>

namespace bench {
namespace {

constexpr std::uint64_t longest_wait_ns = second_ns / 20;

volatile std::sig_atomic_t stop_requested = 0;

struct totals {
    std::uint64_t sent = 0;
    std::uint64_t acked = 0;
    std::uint64_t delivered = 0;
    std::uint64_t at_ns = 0;
    double cpu_s = 0;
};

class load_run {
  public:
    explicit load_run(const options& given) : options_(given), run_(std::random_device{}()), scratch_(buffer_bytes) {
        publishers_.reserve(given.publishers);
        subscribers_.reserve(given.subscribers);
    }

    int run() {
        if (!connect()) {
            std::fprintf(stderr, "mqtt-load: %s\n", problem_.c_str());
            return 2;
        }
        start();
        publish_phase();
        drain_phase();
        return report();
    }

  private:
    std::string topic(unsigned number) const { return options_.topic_prefix + "/" + std::to_string(number); }
    std::vector<std::string> filters_of(unsigned subscriber_number) const;
    bool connect();
    void start();
    void publish_phase();
    void drain_phase();
    void turn(std::uint64_t until_ns);
    void on_ready(std::uint32_t number, bool measuring);
    void pump_all();
    void apply(publisher::pump_state state, int descriptor, std::uint32_t number);
    void end_of(std::uint32_t number);
    void watch_for_loss(std::uint64_t now_ns);
    totals sum() const;
    delivery_counts deliveries() const;
    bool everything_arrived() const;
    int report();

    const options& options_;
    std::uint32_t run_;
    std::string problem_;
    poller poller_;
    scratch_buffer scratch_;
    std::vector<publisher> publishers_;
    std::vector<subscriber> subscribers_;
    std::vector<bool> dead_; ///< By number: publishers first, then subscribers.
    std::uint64_t connections_lost_ = 0;
    std::uint64_t window_resets_ = 0;
    bool measuring_ = false;
    bool again_ = false;
    totals first_;
    totals last_;
    std::uint64_t progress_ns_ = 0;
    std::uint64_t progress_ = 0;
    double drained_s_ = 0;
    histogram ack_latency_;
    histogram delivery_latency_;
    histogram lateness_;
};

std::vector<std::string> load_run::filters_of(unsigned number) const {
    if (options_.subscribers > options_.topics) return {topic(number % options_.topics)};
    std::vector<std::string> out;
    for (unsigned each = number; each < options_.topics; each += options_.subscribers) out.push_back(topic(each));
    return out;
}

bool load_run::connect() {
    std::vector<dial_request> requests;
    for (unsigned i = 0; i < options_.publishers; ++i)
        requests.push_back({options_.client_prefix + "-p" + std::to_string(i), {}, 0});
    for (unsigned i = 0; i < options_.subscribers; ++i)
        requests.push_back({options_.client_prefix + "-s" + std::to_string(i), filters_of(i), options_.qos});
    dialler dial(options_);
    auto opened = dial.dial(requests);
    for (const auto& each : opened)
        if (problem_.empty()) problem_ = each.problem;
    if (!problem_.empty()) return false;

    for (std::uint32_t i = 0; i < options_.publishers; ++i) {
        const unsigned number = i % options_.topics;
        publisher::settings own{.run = run_, .number = i, .topic = topic(number), .copies = 0};
        for (unsigned s = 0; s < options_.subscribers; ++s)
            for (const auto& filter : requests[options_.publishers + s].filters)
                own.copies += filter == own.topic ? 1 : 0;
        // The remainder of an uneven split goes to the first publishers.
        if (options_.messages > 0)
            own.messages_max =
                options_.messages / options_.publishers + (i < options_.messages % options_.publishers ? 1 : 0);
        publishers_.emplace_back(options_, std::move(own), std::move(opened[i].socket));
        poller_.add(publishers_.back().descriptor(), i);
    }
    for (std::uint32_t i = 0; i < options_.subscribers; ++i) {
        const auto at = options_.publishers + i;
        subscribers_.emplace_back(options_, run_, std::move(requests[at].filters), std::move(opened[at].socket),
                                  publishers_);
        poller_.add(subscribers_.back().descriptor(), at);
    }
    dead_.assign(opened.size(), false);
    return true;
}

void load_run::start() {
    prctl(PR_SET_TIMERSLACK, 1);
    const auto now = steady_ns();
    progress_ns_ = now;
    if (options_.rate <= 0) return;
    const double interval = 1e9 * options_.publishers / options_.rate;
    for (std::size_t i = 0; i < publishers_.size(); ++i)
        publishers_[i].pace(now + static_cast<std::uint64_t>(interval * static_cast<double>(i) / options_.publishers),
                            interval);
}

void load_run::apply(publisher::pump_state state, int descriptor, std::uint32_t number) {
    if (state == publisher::pump_state::broken)
        end_of(number);
    else
        poller_.want_write(descriptor, number, state == publisher::pump_state::blocked);
    again_ = again_ || state == publisher::pump_state::again;
}

void load_run::end_of(std::uint32_t number) {
    if (dead_[number]) return;
    dead_[number] = true;
    ++connections_lost_;
    poller_.remove(number < publishers_.size() ? publishers_[number].descriptor()
                                               : subscribers_[number - publishers_.size()].descriptor());
}

void load_run::on_ready(std::uint32_t number, bool measuring) {
    if (dead_[number]) return;
    if (number < publishers_.size()) {
        if (!publishers_[number].receive(scratch_, measuring, ack_latency_)) end_of(number);
        return;
    }
    auto& client = subscribers_[number - publishers_.size()];
    if (!client.receive(scratch_, measuring, delivery_latency_))
        end_of(number);
    else
        apply(client.flush(), client.descriptor(), number);
}

void load_run::pump_all() {
    const auto now = steady_ns();
    again_ = false;
    for (std::uint32_t i = 0; i < publishers_.size(); ++i)
        if (!dead_[i]) apply(publishers_[i].pump(now, lateness_), publishers_[i].descriptor(), i);
}

void load_run::turn(std::uint64_t until_ns) {
    pump_all();
    std::uint64_t wake_ns = until_ns;
    for (const auto& each : publishers_) wake_ns = std::min(wake_ns, each.next_due_ns());
    const auto now = steady_ns();
    const auto wait = again_ || wake_ns <= now ? 0 : std::min(wake_ns - now, longest_wait_ns);
    for (const auto& event : poller_.wait(wait)) on_ready(event.data.u32, measuring_);
}

void load_run::watch_for_loss(std::uint64_t now_ns) {
    const auto now = sum();
    if (now.delivered + now.acked != progress_) {
        progress_ = now.delivered + now.acked;
        progress_ns_ = now_ns;
    } else if (options_.qos == 0 && options_.window > 0 && now_ns - progress_ns_ > second_ns) {
        for (auto& each : publishers_) window_resets_ += each.write_off() ? 1 : 0;
        progress_ns_ = now_ns;
    }
}

void load_run::publish_phase() {
    const auto begin = steady_ns();
    const auto measure_from = begin + from_seconds(options_.warmup_s);
    const auto end = options_.messages > 0 ? std::numeric_limits<std::uint64_t>::max()
                                           : measure_from + from_seconds(options_.seconds);
    std::uint64_t check_at = begin;
    for (auto now = begin; now < end && connections_lost_ == 0 && stop_requested == 0; now = steady_ns()) {
        if (!measuring_ && now >= measure_from) {
            measuring_ = true;
            first_ = sum();
        }
        if (now >= check_at) {
            check_at = now + second_ns / 20;
            watch_for_loss(now);
            // A counted run that makes no progress any more is reported, not waited for.
            if (options_.messages > 0 && (everything_arrived() || now - progress_ns_ > from_seconds(options_.drain_s)))
                break;
        }
        turn(measuring_ ? end : measure_from);
    }
    last_ = sum();
    if (!measuring_) first_ = last_;
    measuring_ = false;
    for (auto& each : publishers_) each.stop();
}

bool load_run::everything_arrived() const {
    for (const auto& each : publishers_)
        if (!each.settled()) return false;
    const auto now = sum();
    if (options_.messages > 0 && now.sent < options_.messages) return false;
    for (const auto& each : subscribers_)
        if (each.missing() > 0) return false;
    return true;
}

void load_run::drain_phase() {
    const auto begin = steady_ns();
    const auto end = begin + from_seconds(options_.drain_s);
    progress_ns_ = begin;
    for (auto now = begin; now < end && connections_lost_ == 0 && !everything_arrived(); now = steady_ns()) {
        watch_for_loss(now);
        // What QoS 0 lost never comes: two quiet seconds are enough.
        if (options_.qos == 0 && now - begin > 2 * second_ns && progress_ns_ + 2 * second_ns < now) break;
        turn(std::min(end, now + longest_wait_ns));
    }
    drained_s_ = static_cast<double>(steady_ns() - begin) * 1e-9;
}

totals load_run::sum() const {
    totals out;
    for (const auto& each : publishers_) {
        out.sent += each.sent();
        out.acked += each.acked();
        out.delivered += each.delivered();
    }
    out.at_ns = steady_ns();
    out.cpu_s = cpu_seconds();
    return out;
}

delivery_counts load_run::deliveries() const {
    delivery_counts out;
    for (const auto& each : subscribers_) {
        const auto& own = each.counts();
        out.delivered += own.delivered;
        out.repeated += own.repeated;
        out.flagged_dup += own.flagged_dup;
        out.out_of_order += own.out_of_order;
        out.unexpected += own.unexpected;
    }
    return out;
}

int load_run::report() {
    const auto all = sum();
    const auto got = deliveries();
    std::uint64_t missing = 0;
    std::uint64_t unexpected = got.unexpected;
    for (const auto& each : subscribers_) missing += each.missing();
    for (const auto& each : publishers_) unexpected += each.unexpected();
    const auto unacked = options_.qos > 0 ? all.sent - all.acked : 0;
    const auto span_s = std::max(static_cast<double>(last_.at_ns - first_.at_ns) * 1e-9, 1e-9);
    const auto per_second = [&](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / span_s;
    };
    const bool good = connections_lost_ == 0 && unexpected == 0 && got.repeated == 0 && got.out_of_order == 0 &&
                      unacked == 0 && (options_.qos == 0 || missing == 0);

    core::json_writer json;
    json.object().member("ok", good).member("seconds", span_s).member("drain_seconds", drained_s_);
    json.member("published_per_second", per_second(first_.sent, last_.sent));
    json.member("acked_per_second", per_second(first_.acked, last_.acked));
    json.member("delivered_per_second", per_second(first_.delivered, last_.delivered));
    write_latency(json, "delivery_ms", delivery_latency_);
    write_latency(json, "puback_ms", ack_latency_);
    if (options_.rate > 0) write_latency(json, "send_lateness_ms", lateness_);
    json.member("published", all.sent)
        .member("acked", all.acked)
        .member("unacked", unacked)
        .member("delivered", got.delivered);
    json.member("lost_qos1", options_.qos > 0 ? missing : 0).member("lost_qos0", options_.qos == 0 ? missing : 0);
    json.member("repeated", got.repeated)
        .member("flagged_dup", got.flagged_dup)
        .member("out_of_order", got.out_of_order);
    json.member("unexpected", unexpected)
        .member("connections_lost", connections_lost_)
        .member("window_resets", window_resets_);
    json.member("generator_cpu_share", (last_.cpu_s - first_.cpu_s) / span_s)
        .member("generator_cpu_seconds", all.cpu_s);
    print_line(std::move(json));
    return good ? 0 : 1;
}

} // namespace

int run_load(const options& given) {
    // Ends the publishing; the rest is waited for and reported as always.
    std::signal(SIGTERM, [](int) { stop_requested = 1; });
    return load_run(given).run();
}

} // namespace bench
