#include "tests/bench/load/checker.hpp"

#include "common/core/json_writer.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/poller.hpp"

#include <csignal>
#include <random>

namespace bench {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000u;
constexpr std::uint64_t retry_ns = second_ns / 20;
/// Identifiers repeat after this many sequences; above the window, so that one is never in use twice.
constexpr std::uint64_t identifiers = 60'000;
static_assert(inflight_max < identifiers);

volatile std::sig_atomic_t stop_requested = 0;

class checker_run {
  public:
    checker_run(const options& given, std::FILE* log) : options_(given), scratch_(buffer_bytes), dial_(given) {
        const std::uint32_t run = std::random_device{}();
        for (std::uint32_t i = 0; i < given.publishers; ++i)
            clients_.emplace_back(given, run, i, given.topic_prefix + "/" + std::to_string(i % given.topics), log);
    }

    int run() {
        const auto begin = steady_ns();
        const auto end = begin + static_cast<std::uint64_t>(options_.seconds * 1e9);
        last_ack_ns_ = begin;
        paced_from_ns_ = begin;
        for (auto now = begin; now < end && stop_requested == 0; now = steady_ns()) turn(now, false);
        const auto drain_end = steady_ns() + static_cast<std::uint64_t>(options_.drain_s * 1e9);
        for (auto now = steady_ns(); now < drain_end && unacked() > 0; now = steady_ns()) turn(now, true);
        return report();
    }

  private:
    void turn(std::uint64_t now, bool draining) {
        if (now >= dial_at_) connect_missing(now);
        const auto due_all =
            static_cast<double>(now > paced_from_ns_ ? now - paced_from_ns_ : 0) * 1e-9 * options_.rate;
        const auto due_each = paced_base_ + static_cast<std::uint64_t>(due_all / options_.publishers);
        for (std::uint32_t i = 0; i < clients_.size(); ++i) {
            if (!clients_[i].is_connected()) continue;
            const auto state = clients_[i].pump(draining ? clients_[i].created() : due_each);
            if (state == publisher::pump_state::broken)
                lose(i);
            else
                poller_.want_write(clients_[i].descriptor(), i, state == publisher::pump_state::blocked);
        }
        for (const auto& event : poller_.wait(second_ns / 1000)) {
            auto& client = clients_[event.data.u32];
            const auto before = client.acked();
            if (client.is_connected() && !client.receive(scratch_)) lose(event.data.u32);
            if (client.acked() > before) note_ack();
        }
    }

    void note_ack() {
        const auto now = steady_ns();
        longest_gap_ns_ = std::max(longest_gap_ns_, now - last_ack_ns_);
        last_ack_ns_ = now;
    }

    void lose(std::uint32_t number) {
        poller_.remove(clients_[number].descriptor());
        clients_[number].drop();
        ++connections_lost_;
    }

    void connect_missing(std::uint64_t now) {
        std::vector<dial_request> requests;
        std::vector<std::uint32_t> numbers;
        for (std::uint32_t i = 0; i < clients_.size(); ++i) {
            if (clients_[i].is_connected()) continue;
            requests.push_back({options_.client_prefix + "-c" + std::to_string(i), {}, 0});
            numbers.push_back(i);
        }
        dial_at_ = now + retry_ns;
        if (requests.empty()) return;
        auto opened = dial_.dial(requests);
        for (std::size_t i = 0; i < opened.size(); ++i) {
            if (!opened[i].problem.empty()) {
                last_problem_ = opened[i].problem;
                ++failed_dials_;
                continue;
            }
            clients_[numbers[i]].adopt(std::move(opened[i].socket));
            poller_.add(clients_[numbers[i]].descriptor(), numbers[i]);
        }
        // No burst for the time without a connection: the pace starts again from what exists.
        paced_from_ns_ = steady_ns();
        paced_base_ = 0;
        for (const auto& each : clients_) paced_base_ = std::max(paced_base_, each.created());
        dial_at_ = paced_from_ns_ + retry_ns;
    }

    std::uint64_t unacked() const {
        std::uint64_t sum = 0;
        for (const auto& each : clients_) sum += each.unacked();
        return sum;
    }

    int report() {
        std::uint64_t created = 0;
        std::uint64_t acked = 0;
        std::uint64_t resent = 0;
        std::uint64_t unexpected = 0;
        for (const auto& each : clients_) {
            created += each.created();
            acked += each.acked();
            resent += each.resent();
            unexpected += each.unexpected();
        }
        const bool good = created == acked && unexpected == 0 && created > 0;
        core::json_writer json;
        json.object()
            .member("ok", good)
            .member("published", created)
            .member("acked", acked)
            .member("unacked", created - acked);
        json.member("resent", resent).member("unexpected", unexpected).member("connections_lost", connections_lost_);
        json.member("failed_dials", failed_dials_).member("last_problem", last_problem_);
        json.member("longest_ack_gap_ms", static_cast<double>(longest_gap_ns_) * 1e-6);
        std::puts(std::move(json.end()).text().c_str());
        return good ? 0 : 1;
    }

    const options& options_;
    scratch_buffer scratch_;
    dialler dial_;
    poller poller_;
    std::deque<checker_publisher> clients_;
    std::uint64_t dial_at_ = 0;
    std::uint64_t paced_from_ns_ = 0;
    std::uint64_t paced_base_ = 0;
    std::uint64_t last_ack_ns_ = 0;
    std::uint64_t longest_gap_ns_ = 0;
    std::uint64_t connections_lost_ = 0;
    std::uint64_t failed_dials_ = 0;
    std::string last_problem_;
};

} // namespace

checker_publisher::checker_publisher(const options& given, std::uint32_t run, std::uint32_t number, std::string topic,
                                     std::FILE* log)
    : options_(given), run_(run), number_(number), log_(log),
      form_(make_publish(topic, 1,
                         given.json ? json_payload(given.payload_bytes) : std::string(given.payload_bytes, 'x'))) {}

void checker_publisher::adopt(connection socket) {
    socket_ = std::move(socket);
    partial_.clear();
    out_.clear();
    out_from_ = 0;
    cursor_ = base_;
}

void checker_publisher::drop() { socket_.close(); }

void checker_publisher::append_packet(std::uint64_t sequence) {
    const auto at = out_.size();
    out_ += form_.bytes;
    char* const packet_start = out_.data() + at;
    core::store_big_endian(packet_start + form_.identifier_at, static_cast<std::uint16_t>(1 + sequence % identifiers));
    const stamp value{.run = run_, .publisher = number_, .sequence = sequence, .sent_ns = steady_ns()};
    if (options_.json)
        patch_json(packet_start + form_.payload_at, value);
    else
        write_stamp(packet_start + form_.payload_at, value);
    if (sequence < written_)
        ++resent_;
    else
        written_ = sequence + 1;
}

publisher::pump_state checker_publisher::pump(std::uint64_t due) {
    while (created_ < due && created_ - base_ < options_.inflight) {
        acked_from_base_.push_back(false);
        ++created_;
    }
    for (; cursor_ < created_ && out_.size() - out_from_ < buffer_bytes; ++cursor_)
        if (!acked_from_base_[static_cast<std::size_t>(cursor_ - base_)]) append_packet(cursor_);
    while (out_from_ < out_.size()) {
        const auto written = socket_.write_some(out_.data() + out_from_, out_.size() - out_from_);
        if (written.state == io_state::would_block) return publisher::pump_state::blocked;
        if (written.state == io_state::closed) return publisher::pump_state::broken;
        out_from_ += written.bytes;
    }
    out_.clear();
    out_from_ = 0;
    return publisher::pump_state::idle;
}

void checker_publisher::log_range() {
    if (range_first_ == range_end_) return;
    std::fprintf(log_, "%u %llu %llu\n", number_, static_cast<unsigned long long>(range_first_),
                 static_cast<unsigned long long>(range_end_ - 1));
    range_first_ = range_end_;
}

void checker_publisher::take_puback(const packet& got) {
    if (got.type() != packet_type::puback || got.body_bytes < 2) {
        ++unexpected_;
        return;
    }
    const std::uint64_t identifier = core::load_big_endian<std::uint16_t>(got.body);
    const std::uint64_t ahead = (identifier - 1 + identifiers - base_ % identifiers) % identifiers;
    if (identifier == 0 || identifier > identifiers || base_ + ahead >= cursor_ || acked_from_base_[ahead]) {
        ++unexpected_;
        return;
    }
    const auto sequence = base_ + ahead;
    acked_from_base_[ahead] = true;
    ++acked_;
    if (sequence != range_end_) {
        log_range();
        range_first_ = sequence;
    }
    range_end_ = sequence + 1;
    while (!acked_from_base_.empty() && acked_from_base_.front()) {
        acked_from_base_.pop_front();
        ++base_;
    }
}

bool checker_publisher::receive(scratch_buffer& scratch) {
    const bool alive = receive_packets(socket_, partial_, scratch, [&](const packet& got) { take_puback(got); });
    log_range();
    // Whoever reads the file while we run, or after we were killed, sees all that was acknowledged.
    std::fflush(log_);
    return alive;
}

int run_checker(const options& given) {
    std::FILE* const log = std::fopen(given.ack_log.c_str(), "w");
    if (log == nullptr) {
        std::fprintf(stderr, "mqtt-load: cannot write %s\n", given.ack_log.c_str());
        return 2;
    }
    const auto request_stop = [](int) { stop_requested = 1; };
    std::signal(SIGTERM, request_stop);
    std::signal(SIGINT, request_stop);
    const int code = checker_run(given, log).run();
    std::fclose(log);
    return code;
}

} // namespace bench
