#include "broker/session/inflight.hpp"

#include <algorithm>
#include <cassert>

namespace broker::session {

bool receipt_window::contains(std::uint16_t packet_identifier) const noexcept {
    for (std::uint32_t i = 0; i < count_; ++i)
        if (ring_[(first_ + i) & (capacity_ - 1)].packet_identifier == packet_identifier) return true;
    return false;
}

void receipt_window::push(const receipt& item) {
    if (count_ == capacity_) grow();
    ring_[(first_ + count_) & (capacity_ - 1)] = item;
    ++count_;
}

void receipt_window::pop() noexcept {
    assert(count_ != 0);
    first_ = (first_ + 1) & (capacity_ - 1);
    --count_;
}

bool receipt_window::answer(std::uint16_t packet_identifier, mqtt::reason_code reason, cause why) noexcept {
    for (std::uint32_t i = 0; i < count_; ++i) {
        receipt& each = ring_[(first_ + i) & (capacity_ - 1)];
        if (each.answered) continue;
        if (each.packet_identifier != packet_identifier) return false;
        each.answered = true;
        each.reason = reason;
        each.why = why;
        return true;
    }
    return false;
}

void receipt_window::release_memory() noexcept {
    if (count_ != 0) return;
    ring_.reset();
    capacity_ = first_ = 0;
}

void receipt_window::grow() {
    const std::uint32_t capacity = std::max<std::uint32_t>(8, capacity_ * 2);
    auto ring = std::make_unique<receipt[]>(capacity);
    for (std::uint32_t i = 0; i < count_; ++i) ring[i] = ring_[(first_ + i) & (capacity_ - 1)];
    ring_ = std::move(ring);
    capacity_ = capacity;
    first_ = 0;
}

std::uint16_t delivery_window::add(const delivered& item) {
    assert(!full());
    if (first_free_ == 0) grow();
    const std::uint16_t packet_identifier = first_free_;
    slot& taken = slots_[packet_identifier - 1U];
    first_free_ = taken.next_free;
    if (first_free_ == 0) last_free_ = 0;
    taken = {item.position, item.credit_bytes, 0, true};
    ++count_;
    return packet_identifier;
}

std::optional<delivery_window::delivered> delivery_window::remove(std::uint16_t packet_identifier) noexcept {
    if (packet_identifier == 0 || packet_identifier > slots_.size()) return std::nullopt;
    slot& ended = slots_[packet_identifier - 1U];
    if (!ended.used) return std::nullopt;
    ended.used = false;
    ended.next_free = 0;
    if (last_free_ != 0)
        slots_[last_free_ - 1U].next_free = packet_identifier;
    else
        first_free_ = packet_identifier;
    last_free_ = packet_identifier;
    --count_;
    return delivered{ended.position, ended.credit_bytes};
}

void delivery_window::release_memory() noexcept {
    if (count_ != 0) return;
    std::vector<slot>().swap(slots_);
    first_free_ = last_free_ = 0;
}

/// Called with no free slot: all new ones become the free list.
void delivery_window::grow() {
    const std::size_t old_size = slots_.size();
    const std::size_t size = std::min<std::size_t>(in_flight_max_, std::max<std::size_t>(8, old_size * 2));
    slots_.reserve(size);
    for (std::size_t i = old_size; i < size; ++i) {
        const auto next = static_cast<std::uint16_t>(i + 1 == size ? 0 : i + 2);
        slots_.push_back({0, 0, next, false});
    }
    first_free_ = static_cast<std::uint16_t>(old_size + 1);
    last_free_ = static_cast<std::uint16_t>(size);
}

} // namespace broker::session
