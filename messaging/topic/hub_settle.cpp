// What becomes of deliveries: acknowledged, given back at once or after a delay, and what is due.
#include "messaging/topic/hub.hpp"

#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
/// Things due are looked at once a tick; finer times would only make more entries.
constexpr std::int64_t due_step_ms = 100;
} // namespace

/// Errors that a client itself was given do not come again on its next connection.
void hub::note_read(const subscription& by, topic& from, std::uint64_t position) {
    if (!from.reports() || by.claim == 0 || position <= from.read_mark) return;
    from.read_mark = position;
    if (std::exchange(from.mark_dirty, true)) return;
    dirty_marks_.push_back(&from);
}

void hub::retire(topic& from, message& one) {
    count_bytes(from, -static_cast<std::int64_t>(one.bytes));
    log_->retire(one.where, store::entry_bytes(one.bytes));
}

void hub::release(topic& from, std::uint64_t position) {
    auto* found = from.find(position);
    if (found == nullptr || found->pending == 0) return;
    if (--found->pending > 0) return;
    retire(from, *found);
    from.trim();
}

void hub::drop_outstanding(subscription& of, outstanding& one) {
    one.acknowledged = true;
    --of.unacknowledged;
    if (one.key != 0 && of.keys) of.keys->done(one.key);
    of.held_bytes -= std::min<std::uint64_t>(of.held_bytes, one.bytes);
    release(*one.from, one.position);
    --one.from->references;
}

void hub::acknowledge(consumer& of, std::uint64_t from, std::uint64_t to) {
    auto& by = *of.of;
    for (auto it = by.outstanding_from(from); it != by.outstanding_list.end() && it->position <= to; ++it) {
        if (it->acknowledged || it->with != &of) continue;
        note_read(by, *it->from, it->position);
        drop_outstanding(by, *it);
        ++stats_.acknowledged;
        ++by.acknowledged_count;
    }
    by.trim_outstanding();
    by.last_acknowledged_ms = now_ms();
    if (by.backlog_high) note_calm(by);
    note_cursor(by);
    pump(by);
}

/// Delivered, and to be delivered again: `count` is that of the next delivery.
void hub::give_back(subscription& of, outstanding& one, std::uint8_t count, std::int64_t due_ms) {
    one.acknowledged = true;
    --of.unacknowledged;
    const redelivery again{one.from, one.bytes, one.key, count, true, false};
    if (due_ms != 0 && one.key == 0 && !of.rewinds()) {
        of.make_aside().delayed.emplace(due_ms, std::pair(one.position, again));
        return;
    }
    of.redeliveries.insert_or_assign(one.position, again);
    if (of.keys) of.keys->gave_back(one.key, one.position);
}

namespace {
std::uint8_t counted_up(const outstanding& one) noexcept {
    return static_cast<std::uint8_t>(std::min(one.delivery_count + 1, 255));
}
} // namespace

void hub::negative_acknowledge(consumer& of, std::uint64_t from, std::uint64_t to, std::uint32_t delay_ms) {
    constexpr std::uint32_t delay_max_ms = 3'600'000;
    auto& by = *of.of;
    const auto due = delay_ms == 0 ? 0 : now_ms() + std::min(delay_ms, delay_max_ms);
    const auto held_by = [&](const outstanding& one) { return !one.acknowledged && one.with == &of; };
    auto* const first = std::find_if(by.outstanding_from(from), by.outstanding_list.end(), held_by);
    if (first == by.outstanding_list.end() || first->position > to) return;
    ++stats_.negative_acknowledgements;
    const bool rewinds = by.rewinds();
    std::vector<std::uint32_t> keys;
    for (auto* one = first; one != by.outstanding_list.end(); ++one) {
        if (!held_by(*one)) continue;
        const bool named = one->position <= to;
        if (!named && !rewinds && keys.empty()) break;
        auto* key = one->key != 0 && by.keys ? by.keys->find(one->key) : nullptr;
        if (named && key != nullptr && !std::exchange(key->rewinding, true)) keys.push_back(one->key);
        // What comes behind it in its order comes again with it; it has not failed, so its count stays.
        const bool follows = rewinds || (key != nullptr && key->rewinding);
        if (named || follows) give_back(by, *one, named ? counted_up(*one) : one->delivery_count, due);
    }
    by.trim_outstanding();
    for (const auto key : keys) {
        by.keys->find(key)->rewinding = false;
        if (due != 0) by.keys->delay(key, due);
    }
    if (rewinds && due != 0) by.paused_until_ms = due;
    if (due != 0) wake_at(by, due);
    note_cursor(by);
    pump(by);
}

void hub::credit(consumer& of, std::uint64_t messages, std::uint64_t bytes) {
    of.credit_messages = std::max(of.credit_messages, messages);
    of.credit_bytes = std::max(of.credit_bytes, bytes);
    pump(*of.of);
}

void hub::wake_at(subscription& one, std::int64_t due_ms) {
    if (one.wakes_at_ms != 0 && one.wakes_at_ms <= due_ms) return;
    one.wakes_at_ms = due_ms;
    due_[due_ms / due_step_ms + 1].push_back(one.id());
}

void hub::wake_due() {
    const auto now = now_ms();
    while (!due_.empty() && due_.begin()->first * due_step_ms <= now) {
        const auto ids = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        for (const auto id : ids)
            if (const auto found = subscriptions_.find(id); found != subscriptions_.end()) wake(*found->second, now);
    }
}

void hub::wake(subscription& one, std::int64_t now) {
    one.wakes_at_ms = 0;
    std::int64_t next = one.paused_until_ms > now ? one.paused_until_ms : 0;
    const auto sooner = [&next](std::int64_t at) {
        if (at != 0 && (next == 0 || at < next)) next = at;
    };
    if (one.aside) {
        auto& delayed = one.aside->delayed;
        for (; !delayed.empty() && delayed.begin()->first <= now; delayed.erase(delayed.begin())) {
            const auto& [position, again] = delayed.begin()->second;
            one.redeliveries.insert_or_assign(position, again);
            if (one.keys) one.keys->wait(again.key, position);
        }
        if (!delayed.empty()) sooner(delayed.begin()->first);
    }
    if (one.keys) sooner(one.keys->wake(now));
    if (next != 0) wake_at(one, next);
    pump(one);
}

} // namespace messaging::topic
