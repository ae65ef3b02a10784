// store-load: publishes to a store and reads from it, ours or a peer's; one line of JSON says how fast. store.py runs
// it.
#include "common/core/json_writer.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/report.hpp"
#include "tests/bench/store/link_login.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>

namespace {

using namespace bench::store;

constexpr const char* usage = R"(store-load MODE --target TARGET --port N [options]

MODE      publish     messages that are durable when acknowledged, --window of them under way
          roundtrip   published, delivered and acknowledged; --window published and not delivered yet
          backlog     --messages published with nobody to consume, then read as fast as they come (link)
TARGET    link, text, redis, nats, rabbitmq
options   --secret-file F (link)  --producer-token T --consumer-token T (text)  --tenant T  --topics N
          --subscriptions N (link)  --window N  --payload BYTES  --messages N  --seconds S  --warmup S
)";

options read_options(int count, char** words) {
    options into;
    if (count > 1) into.mode = words[1];
    for (int i = 2; i < count; i += 2) {
        const std::string_view name = words[i];
        if (i + 1 == count) throw problem(std::string(name) + " needs a value");
        const std::string_view value = words[i + 1];
        if (name == "--target")
            into.target = value;
        else if (name == "--port")
            read_number(value, into.port);
        else if (name == "--secret-file")
            into.secret_file = value;
        else if (name == "--producer-token")
            into.producer_token = value;
        else if (name == "--consumer-token")
            into.consumer_token = value;
        else if (name == "--tenant")
            into.tenant = value;
        else if (name == "--topics")
            read_number(value, into.topics);
        else if (name == "--subscriptions")
            read_number(value, into.subscriptions);
        else if (name == "--window")
            read_number(value, into.window);
        else if (name == "--payload")
            read_number(value, into.payload_bytes);
        else if (name == "--messages")
            read_number(value, into.messages);
        else if (name == "--seconds")
            read_number(value, into.seconds);
        else if (name == "--warmup")
            read_number(value, into.warmup);
        else
            throw problem("unknown option " + std::string(name));
    }
    if (into.topics == 0 || into.window == 0 || into.subscriptions == 0 || into.payload_bytes < 8)
        throw problem("--topics, --window and --subscriptions are at least 1, --payload at least 8");
    return into;
}

std::unique_ptr<target> make_target(const options& with) {
    if (with.target == "link") return make_link(with);
    if (with.target == "text") return make_text(with);
    if (with.target == "redis") return make_redis(with);
    if (with.target == "nats") return make_nats(with);
    if (with.target == "rabbitmq") return make_rabbitmq(with);
    throw problem("unknown target " + with.target);
}

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

class run final : public listener {
  public:
    explicit run(const options& with) : options_(with), payload_(with.payload_bytes, 'x'), target_(make_target(with)) {}

    /// One message at least is under way at any time, at most the window.
    void load(bool roundtrip) {
        target_->open(*this, roundtrip);
        const auto begin = now_ns();
        measure_from_ = begin + bench::from_seconds(options_.warmup);
        const auto end = measure_from_ + bench::from_seconds(options_.seconds);
        while (now_ns() < end) {
            fill(roundtrip ? published_ * options_.subscriptions - delivered_ : published_ - acknowledged_,
                 std::uint64_t{options_.window} * (roundtrip ? options_.subscriptions : 1));
            target_->turn(true);
        }
        measure_to_ = end;
        drain([&] {
            return acknowledged_ >= published_ && (!roundtrip || delivered_ >= published_ * options_.subscriptions);
        });
    }
    void backlog() {
        target_->open(*this, false);
        while (published_ < options_.messages) {
            fill(published_ - acknowledged_, std::min<std::uint64_t>(20'000, options_.messages - acknowledged_));
            target_->turn(true);
        }
        drain([&] { return acknowledged_ >= published_; });
        target_ = make_target(options_);
        measure_from_ = now_ns();
        target_->open(*this, true);
        drain([&] { return delivered_ >= options_.messages * options_.subscriptions; });
        drained_ns_ = now_ns() - measure_from_;
    }
    void report() const {
        core::json_writer json;
        json.object().member("ok", true).member("published", published_).member("acknowledged", acknowledged_);
        json.member("delivered", delivered_);
        if (drained_ns_ > 0) {
            json.member("read_per_second", static_cast<double>(delivered_) * 1e9 / static_cast<double>(drained_ns_));
        } else {
            json.member("published_per_second", static_cast<double>(acknowledge_ns_.count()) / options_.seconds);
            json.member("delivered_per_second", static_cast<double>(deliver_ns_.count()) / options_.seconds);
        }
        bench::write_latency(json, "acknowledge_ms", acknowledge_ns_);
        bench::write_latency(json, "deliver_ms", deliver_ns_);
        json.member("cpu_seconds", bench::cpu_seconds());
        bench::print_line(std::move(json.end()));
    }

  private:
    void fill(std::uint64_t under_way, std::uint64_t most) {
        // In bursts of a quarter of the window and more, as clients that answer what a read brought.
        if (under_way + std::max<std::uint64_t>(1, most / 4) > most) return;
        for (; under_way < most; under_way += 1) {
            const auto now = now_ns();
            std::memcpy(payload_.data(), &now, sizeof now);
            sent_.push_back(now);
            target_->publish(static_cast<std::uint32_t>(published_ % options_.topics), payload_);
            ++published_;
        }
    }
    template <class Condition> void drain(Condition finished) {
        auto last = now_ns();
        auto seen = acknowledged_ + delivered_;
        while (!finished()) {
            target_->turn(true);
            if (seen != acknowledged_ + delivered_) {
                seen = acknowledged_ + delivered_;
                last = now_ns();
            }
            if (now_ns() - last > 30 * bench::second_ns)
                throw problem("nothing came for 30 s: published " + std::to_string(published_) + ", acknowledged " +
                              std::to_string(acknowledged_) + ", delivered " + std::to_string(delivered_));
        }
    }
    bool measured(std::uint64_t at) const noexcept {
        return at >= measure_from_ && (measure_to_ == 0 || at < measure_to_);
    }

    void on_acknowledged(std::uint64_t count) override {
        const auto now = now_ns();
        acknowledged_ += count;
        for (; count > 0 && !sent_.empty(); --count) {
            if (measured(now)) acknowledge_ns_.record(now - sent_.front());
            sent_.pop_front();
        }
    }
    void on_delivered(std::string_view payload) override {
        std::uint64_t sent = 0;
        if (payload.size() != payload_.size()) throw problem("a payload of another length was delivered");
        std::memcpy(&sent, payload.data(), sizeof sent);
        const auto now = now_ns();
        ++delivered_;
        if (measured(now)) deliver_ns_.record(now - sent);
    }

    const options& options_;
    std::string payload_;
    std::unique_ptr<target> target_;
    std::deque<std::uint64_t> sent_;
    std::uint64_t published_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t measure_from_ = 0;
    std::uint64_t measure_to_ = 0;
    std::uint64_t drained_ns_ = 0;
    bench::histogram acknowledge_ns_;
    bench::histogram deliver_ns_;
};

} // namespace

int main(int count, char** words) {
    try {
        const auto with = read_options(count, words);
        if (with.mode != "publish" && with.mode != "roundtrip" && with.mode != "backlog") {
            std::fputs(usage, stderr);
            return 2;
        }
        run one(with);
        if (with.mode == "backlog")
            one.backlog();
        else
            one.load(with.mode == "roundtrip");
        one.report();
        return 0;
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "store-load: %s\n", failed.what());
        return 1;
    }
}
