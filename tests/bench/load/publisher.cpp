#include "tests/bench/load/publisher.hpp"

#include "tests/bench/load/payload.hpp"

#include <algorithm>

namespace bench {

publisher::publisher(const options& given, settings own, connection socket)
    : options_(given), own_(std::move(own)), socket_(std::move(socket)) {
    std::string payload = given.json ? json_payload(given.payload_bytes) : std::string(given.payload_bytes, 'x');
    form_ = make_publish(own_.topic, given.qos, payload);
    block_packets_ = std::max<std::size_t>(1, buffer_bytes / form_.bytes.size());
    if (given.qos > 0) block_packets_ = std::min<std::size_t>(block_packets_, given.inflight);
    block_.reserve(block_packets_ * form_.bytes.size());
    for (std::size_t i = 0; i < block_packets_; ++i) block_ += form_.bytes;
    // Twice the window: an identifier is not used again at once, which makes a wrong PUBACK visible.
    if (given.qos > 0) sent_at_.assign(std::size_t{2} * given.inflight, 0);
}

void publisher::pace(std::uint64_t start_ns, double interval_ns) noexcept {
    start_ns_ = start_ns;
    interval_ns_ = interval_ns;
}

std::uint64_t publisher::next_due_ns() const noexcept {
    if (interval_ns_ <= 0 || sent_ >= own_.messages_max) return std::numeric_limits<std::uint64_t>::max();
    return intended_ns(sent_);
}

std::uint64_t publisher::room(std::uint64_t now_ns) const noexcept {
    std::uint64_t room = std::min<std::uint64_t>(block_packets_, own_.messages_max - sent_);
    if (options_.qos > 0) room = std::min(room, options_.inflight - (sent_ - acked_));
    if (options_.window > 0 && own_.copies > 0) {
        const auto done = (delivered_ + written_off_) / own_.copies;
        const auto open = sent_ > done ? sent_ - done : 0;
        room = std::min(room, options_.window > open ? options_.window - open : 0);
    }
    if (interval_ns_ > 0) {
        if (now_ns < start_ns_) return 0;
        const auto due = static_cast<std::uint64_t>(static_cast<double>(now_ns - start_ns_) / interval_ns_) + 1;
        room = std::min(room, due > sent_ ? due - sent_ : 0);
    }
    return room;
}

void publisher::patch(char* at, std::uint64_t now_ns, histogram& lateness) {
    stamp value{.run = own_.run, .publisher = own_.number, .sequence = sent_, .sent_ns = now_ns};
    if (interval_ns_ > 0) {
        value.sent_ns = std::min(now_ns, intended_ns(sent_));
        lateness.record(now_ns - value.sent_ns);
    }
    if (options_.json)
        patch_json(at + form_.payload_at, value);
    else
        write_stamp(at + form_.payload_at, value);
    if (options_.qos > 0) {
        core::store_big_endian(at + form_.identifier_at, static_cast<std::uint16_t>(next_slot_ + 1));
        sent_at_[next_slot_] = value.sent_ns;
        if (++next_slot_ == sent_at_.size()) next_slot_ = 0;
    }
    ++sent_;
}

publisher::pump_state publisher::pump(std::uint64_t now_ns, histogram& lateness) {
    if (pending_from_ < pending_to_) {
        const auto state = flush();
        if (state != pump_state::idle) return state;
    }
    const auto wanted = room(now_ns);
    std::size_t count = 0;
    while (count < wanted && (options_.qos == 0 || sent_at_[next_slot_] == 0))
        patch(block_.data() + count++ * form_.bytes.size(), now_ns, lateness);
    if (count == 0) return pump_state::idle;
    pending_from_ = 0;
    pending_to_ = count * form_.bytes.size();
    const auto state = flush();
    return state == pump_state::idle && count == block_packets_ ? pump_state::again : state;
}

publisher::pump_state publisher::flush() {
    while (pending_from_ < pending_to_) {
        const auto written = socket_.write_some(block_.data() + pending_from_, pending_to_ - pending_from_);
        if (written.state == io_state::would_block) return pump_state::blocked;
        if (written.state == io_state::closed) return pump_state::broken;
        pending_from_ += written.bytes;
    }
    return pump_state::idle;
}

void publisher::take_puback(const packet& got, std::uint64_t now_ns, bool measuring, histogram& latency) {
    if (got.type() != packet_type::puback || got.body_bytes < 2) {
        ++unexpected_;
        return;
    }
    const std::size_t slot = core::load_big_endian<std::uint16_t>(got.body) - std::size_t{1};
    if (slot >= sent_at_.size() || sent_at_[slot] == 0) {
        ++unexpected_;
        return;
    }
    if (measuring) latency.record(now_ns - sent_at_[slot]);
    sent_at_[slot] = 0;
    ++acked_;
}

bool publisher::receive(scratch_buffer& scratch, bool measuring, histogram& latency) {
    std::uint64_t now_ns = 0;
    return receive_packets(socket_, partial_, scratch, [&](const packet& got) {
        if (now_ns == 0) now_ns = steady_ns();
        take_puback(got, now_ns, measuring, latency);
    });
}

bool publisher::write_off() noexcept {
    const auto expected = sent_ * own_.copies;
    if (delivered_ + written_off_ >= expected) return false;
    written_off_ = expected - delivered_;
    return true;
}

} // namespace bench
