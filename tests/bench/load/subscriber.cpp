#include "tests/bench/load/subscriber.hpp"

#include "tests/bench/load/payload.hpp"

#include <algorithm>

namespace bench {

sequence_check::verdict sequence_check::take(std::uint64_t sequence) {
    if (sequence == expected_) {
        ++expected_;
        return verdict::next;
    }
    if (sequence > expected_) {
        holes_.emplace(expected_, sequence - 1);
        missing_ += sequence - expected_;
        expected_ = sequence + 1;
        return verdict::gap;
    }
    auto hole = holes_.upper_bound(sequence);
    if (hole == holes_.begin()) return verdict::repeated;
    --hole;
    const auto [first, last] = *hole;
    if (sequence > last) return verdict::repeated;
    holes_.erase(hole);
    if (sequence > first) holes_.emplace(first, sequence - 1);
    if (sequence < last) holes_.emplace(sequence + 1, last);
    --missing_;
    return verdict::late;
}

std::uint64_t sequence_check::missing(std::uint64_t sent) const noexcept {
    return missing_ + (sent > expected_ ? sent - expected_ : 0);
}

subscriber::subscriber(const options& given, std::uint32_t run, std::vector<std::string> filters, connection socket,
                       std::vector<publisher>& publishers)
    : options_(given), run_(run), filters_(std::move(filters)), socket_(std::move(socket)), publishers_(publishers),
      checks_(publishers.size()) {}

bool subscriber::wants(std::string_view topic) const noexcept {
    return std::find(filters_.begin(), filters_.end(), topic) != filters_.end();
}

std::uint64_t subscriber::missing() const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < checks_.size(); ++i)
        if (wants(publishers_[i].topic())) sum += checks_[i].missing(publishers_[i].sent());
    return sum;
}

void subscriber::take(const packet& got, std::uint64_t now_ns, bool measuring, histogram& latency) {
    if (got.type() != packet_type::publish) {
        ++counts_.unexpected;
        return;
    }
    const auto message = read_publish(got);
    if (got.qos() > 0 && message.good) {
        const char puback[4] = {0x40, 2, static_cast<char>(message.identifier >> 8),
                                static_cast<char>(message.identifier)};
        out_.append(puback, sizeof puback);
    }
    if (!message.good || got.qos() != options_.qos || message.payload.size() != options_.payload_bytes) {
        ++counts_.unexpected;
        return;
    }
    const auto carried = read_stamp(message.payload.data());
    if (carried.run != run_ || carried.publisher >= publishers_.size() ||
        publishers_[carried.publisher].topic() != message.topic || !wants(message.topic) ||
        carried.sequence >= publishers_[carried.publisher].sent()) {
        ++counts_.unexpected;
        return;
    }
    if (got.dup()) ++counts_.flagged_dup;
    const auto verdict = checks_[carried.publisher].take(carried.sequence);
    if (verdict == sequence_check::verdict::repeated) {
        ++counts_.repeated;
        return;
    }
    if (verdict == sequence_check::verdict::late) ++counts_.out_of_order;
    ++counts_.delivered;
    publishers_[carried.publisher].note_delivery();
    if (measuring) latency.record(now_ns > carried.sent_ns ? now_ns - carried.sent_ns : 0);
}

bool subscriber::receive(scratch_buffer& scratch, bool measuring, histogram& latency) {
    std::uint64_t now_ns = 0;
    return receive_packets(socket_, partial_, scratch, [&](const packet& got) {
        if (now_ns == 0) now_ns = steady_ns();
        take(got, now_ns, measuring, latency);
    });
}

publisher::pump_state subscriber::flush() {
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

} // namespace bench
