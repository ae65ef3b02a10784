// A whole fleet comes at once, as after a power cut, and stays: everybody with one subscription. Who fails tries again
// as a client does, after a second, then two, four and eight, each half to one and a half times as long by chance.
#include "tests/bench/load/gate.hpp"
#include "tests/bench/load/held.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/report.hpp"

#include <algorithm>
#include <cstdio>
#include <queue>
#include <random>

namespace bench {
namespace {

constexpr double pause_first_s = 1;
constexpr double pause_max_s = 8;

class storm final : private gate_events {
  public:
    explicit storm(const options& given)
        : options_(given), gate_(given, *this), chance_(std::random_device{}()), failures_(given.storm, 0),
          begun_ns_(given.storm, 0) {}

    int run() {
        if (!gate_.problem().empty()) {
            std::fprintf(stderr, "mqtt-load: %s\n", gate_.problem().c_str());
            return 2;
        }
        begin_ns_ = steady_ns();
        for (std::uint32_t number = 0; number < options_.storm; ++number) due_.push({begin_ns_, number});
        const auto end = begin_ns_ + from_seconds(options_.seconds);
        while (in_ < options_.storm && steady_ns() < end) {
            start_due(end);
            const auto now = steady_ns();
            const bool startable = !due_.empty() && gate_.under_way() < options_.pending;
            const auto wake = startable ? std::min(end, due_.top().at_ns) : end;
            gate_.turn(wake > now ? std::min(wake - now, second_ns / 20) : 0);
        }
        report_arrival();
        // Whoever is lost from now on is counted, and stays away.
        holding_ = true;
        while (!input_ended(0)) gate_.turn(second_ns / 20);
        return report_end();
    }

  private:
    struct due {
        std::uint64_t at_ns = 0;
        std::uint32_t number = 0;
        bool operator<(const due& other) const noexcept { return at_ns > other.at_ns; }
    };

    void start_due(std::uint64_t end_ns) {
        for (auto now = steady_ns(); now < end_ns && !due_.empty() && due_.top().at_ns <= now; now = steady_ns()) {
            if (gate_.under_way() >= options_.pending) return;
            const auto number = due_.top().number;
            due_.pop();
            ++attempts_;
            if (begun_ns_[number] == 0) begun_ns_[number] = now;
            gate_.start(number, options_.client_prefix + "-i" + std::to_string(number),
                        options_.topic_prefix + "/idle/" + std::to_string(number));
            // Those that are under way are looked after meanwhile, as each device looks after itself.
            if (attempts_ % 64 == 0) gate_.turn(0);
        }
    }

    void on_in(std::uint32_t number, const arrival&) override {
        ++in_;
        latency_.record(steady_ns() - begun_ns_[number]);
    }

    void on_failed(std::uint32_t number, const std::string& why) override {
        ++problems_[why];
        ++failed_;
        if (holding_) return;
        const double pause = std::min(pause_max_s, pause_first_s * static_cast<double>(1u << failures_[number]));
        if (failures_[number] < 3) ++failures_[number];
        due_.push({steady_ns() + from_seconds(pause * std::uniform_real_distribution(0.5, 1.5)(chance_)), number});
    }

    void on_lost(std::uint32_t number) override {
        --in_;
        ++lost_;
        if (!holding_) due_.push({steady_ns() + from_seconds(pause_first_s), number});
    }

    void report_arrival() {
        core::json_writer json;
        json.object().member("subscribed", in_).member("wanted", options_.storm);
        json.member("seconds", static_cast<double>(steady_ns() - begin_ns_) * 1e-9);
        json.member("attempts", attempts_).member("failed", failed_).member("lost", lost_);
        write_latency(json, "arrival_ms", latency_);
        write_counts(json, "problems", problems_);
        json.member("generator_cpu_seconds", cpu_seconds());
        print_line(std::move(json));
    }

    int report_end() {
        const bool good = in_ == options_.storm && lost_ == 0;
        core::json_writer json;
        json.object().member("ok", good).member("closed_by_peer", lost_).member("in", in_);
        print_line(std::move(json));
        return good ? 0 : 1;
    }

    const options& options_;
    gate gate_;
    std::mt19937_64 chance_;
    std::priority_queue<due> due_;
    std::vector<std::uint8_t> failures_;  ///< By number, at most 3.
    std::vector<std::uint64_t> begun_ns_; ///< By number: its first attempt.
    bool holding_ = false;
    std::uint64_t begin_ns_ = 0;
    std::uint64_t in_ = 0;
    std::uint64_t attempts_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t lost_ = 0;
    histogram latency_;
    std::map<std::string, std::uint64_t> problems_;
};

} // namespace

int run_storm(const options& given) { return storm(given).run(); }

} // namespace bench
