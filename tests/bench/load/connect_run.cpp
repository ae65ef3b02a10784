// Connections per second: clients that come at a rate (or as fast as they are let in), are verified, and leave.
#include "tests/bench/load/gate.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/report.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

class connect_run final : private gate_events {
  public:
    explicit connect_run(const options& given) : options_(given), gate_(given, *this) {
        intended_ns_.resize(std::size_t{given.pending} + given.keep + 1);
        for (auto number = intended_ns_.size(); number > 0; --number)
            free_.push_back(static_cast<std::uint32_t>(number - 1));
    }

    int run() {
        if (!gate_.problem().empty()) {
            std::fprintf(stderr, "mqtt-load: %s\n", gate_.problem().c_str());
            return 2;
        }
        prctl(PR_SET_TIMERSLACK, 1);
        begin_ns_ = steady_ns();
        measure_from_ns_ = begin_ns_ + from_seconds(options_.warmup_s);
        const auto end = measure_from_ns_ + from_seconds(options_.seconds);
        for (auto now = begin_ns_; now < end; now = steady_ns()) {
            start_due(now);
            gate_.turn(std::min(end, next_due_ns()) > now ? std::min(end, next_due_ns()) - now : 0);
        }
        const auto stopped = steady_ns();
        const double cpu = cpu_seconds();
        const auto give_up = stopped + from_seconds(options_.connect_timeout_s) + second_ns;
        while (gate_.under_way() > 0 && steady_ns() < give_up) gate_.turn(second_ns / 20);
        return report(stopped, cpu);
    }

  private:
    bool paced() const noexcept { return options_.connects > 0; }

    std::uint64_t intended(std::uint64_t sequence) const noexcept {
        return begin_ns_ + static_cast<std::uint64_t>(1e9 * static_cast<double>(sequence) / options_.connects);
    }

    std::uint64_t next_due_ns() const noexcept {
        const bool full = gate_.under_way() >= options_.pending;
        return full || !paced() ? steady_ns() + second_ns / 20 : intended(started_);
    }

    void start_due(std::uint64_t now_ns) {
        if (measured_cpu_ == 0 && now_ns >= measure_from_ns_) measured_cpu_ = cpu_seconds();
        // As many at most as may be under way: what cannot even start must not keep us here.
        for (unsigned i = 0; i < options_.pending && may_start(now_ns); ++i) {
            const auto number = free_.back();
            free_.pop_back();
            intended_ns_[number] = paced() ? intended(started_) : now_ns;
            if (intended_ns_[number] >= measure_from_ns_) {
                ++attempted_;
                lateness_.record(now_ns - intended_ns_[number]);
            }
            const auto id = options_.client_prefix + "-c" + std::to_string(started_++);
            gate_.start(number, id, {});
        }
        under_way_max_ = std::max(under_way_max_, gate_.under_way());
    }

    bool may_start(std::uint64_t now_ns) const noexcept {
        return gate_.under_way() < options_.pending && (!paced() || intended(started_) <= now_ns);
    }

    bool counts(std::uint32_t number) const noexcept { return intended_ns_[number] >= measure_from_ns_; }

    void on_in(std::uint32_t number, const arrival& client) override {
        const auto now = steady_ns();
        if (counts(number)) {
            ++connected_;
            connect_latency_.record(now - intended_ns_[number]);
            if (client.secured_ns() != 0) tls_latency_.record(client.secured_ns() - client.begun_ns());
        }
        if (now >= measure_from_ns_) ++arrived_; // a rate counts when they arrive, a latency when they were due
        kept_.push_back(number);
        if (kept_.size() <= options_.keep) return;
        const auto oldest = kept_.front();
        kept_.pop_front();
        gate_.let_go(oldest);
        free_.push_back(oldest);
    }

    void on_failed(std::uint32_t number, const std::string& why) override {
        ++failed_; // also before the measured time: none may fail
        ++problems_[why];
        free_.push_back(number);
    }

    void on_lost(std::uint32_t number) override {
        ++lost_;
        kept_.erase(std::find(kept_.begin(), kept_.end(), number));
        free_.push_back(number);
    }

    int report(std::uint64_t stopped_ns, double cpu) {
        const auto span_s = std::max(static_cast<double>(stopped_ns - measure_from_ns_) * 1e-9, 1e-9);
        const bool good = failed_ == 0 && lost_ == 0 && connected_ > 0 && gate_.under_way() == 0;
        core::json_writer json;
        json.object().member("ok", good).member("seconds", span_s).member("offered_per_second", options_.connects);
        json.member("connects_per_second", static_cast<double>(arrived_) / span_s);
        json.member("attempted", attempted_).member("connected", connected_).member("failed", failed_);
        json.member("closed_by_peer", lost_).member("under_way_max", under_way_max_);
        write_latency(json, "connect_ms", connect_latency_);
        if (options_.tls) write_latency(json, "tls_ms", tls_latency_);
        write_latency(json, "start_lateness_ms", lateness_);
        write_counts(json, "problems", problems_);
        json.member("generator_cpu_share", (cpu - measured_cpu_) / span_s)
            .member("generator_cpu_seconds", cpu_seconds());
        print_line(std::move(json));
        return good ? 0 : 1;
    }

    const options& options_;
    gate gate_;
    std::vector<std::uint64_t> intended_ns_; ///< By number.
    std::vector<std::uint32_t> free_;
    std::deque<std::uint32_t> kept_; ///< In, the oldest first.
    std::uint64_t begin_ns_ = 0;
    std::uint64_t measure_from_ns_ = 0;
    double measured_cpu_ = 0;
    std::uint64_t started_ = 0;
    std::uint64_t attempted_ = 0;
    std::uint64_t connected_ = 0;
    std::uint64_t arrived_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t lost_ = 0;
    std::size_t under_way_max_ = 0;
    histogram connect_latency_;
    histogram tls_latency_;
    histogram lateness_;
    std::map<std::string, std::uint64_t> problems_;
};

} // namespace

int run_connects(const options& given) { return connect_run(given).run(); }

} // namespace bench
