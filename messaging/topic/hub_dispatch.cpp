// Delivery: what became durable goes to every subscription that may have it now; the rest is pumped when credit comes.
#include "messaging/topic/hub.hpp"

#include "common/record/record.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
/// Of a topic's quota; below the second share the next time is news again.
constexpr double backlog_high_share = 0.8;
constexpr double backlog_calm_share = 0.7;
} // namespace

void hub::note_calm(subscription& one) {
    const auto quota = static_cast<double>(one.owner().quota.backlog_bytes_per_topic);
    if (!one.deleted && static_cast<double>(one.held_bytes) > backlog_calm_share * quota) return;
    one.backlog_high = false;
    --stats_.subscriptions_backlog_high;
}

bool hub::must_be_acknowledged(const edge& through, core::byte_span record) noexcept {
    return through.qos == 2 || (through.qos == 1 && record::peek_qos(record) >= 1);
}

bool hub::may_read(const subscription& of) const noexcept {
    return of.in_cursor() < of.owner().quota.unacknowledged_per_subscription;
}

void hub::wait_for(delivery_sink& sink, subscription& one) {
    if (one.keys) { // may wait for several sinks at once
        if (std::find(sink.waiting.begin(), sink.waiting.end(), &one) == sink.waiting.end())
            sink.waiting.push_back(&one);
        return;
    }
    if (one.waits_for_sink) return;
    one.waits_for_sink = true;
    sink.waiting.push_back(&one);
}

void hub::note_cursor(subscription& one) {
    if (one.cursor_dirty || one.durability == msg_link::durability::volatile_) return;
    one.cursor_dirty = true;
    dirty_cursors_.push_back(&one);
}

/// A message that was so long on its way to the disk that its time is over (`late`) only queues, to be dropped there.
void hub::dispatch(topic& from, message& one, core::byte_span record, bool late) {
    for (const auto& at : from.edges) {
        if (one.position <= at->start) continue;
        auto& to = *at->by;
        to.held_bytes += one.bytes;
        if (late) {
            wake_at(to, now_ms()); // nobody else would: what comes behind it must not wait for it
        } else if (to.keys) {
            if (to.all_read() && take_keyed(to, *at, one, record)) continue;
        } else if (to.caught_up() && may_read(to)) {
            if (auto* with = to.pick()) {
                if (with->sink->ready()) {
                    send(to, *with, *at, one, 1, record);
                    continue;
                }
                wait_for(*with->sink, to);
            }
        }
        if (!at->queued) to.queue(*at, one.position);
        check_lag(to);
    }
    hand_over(from, one.position, 1, record);
    if (one.pending == 0) {
        retire(from, one);
        from.trim();
    }
}

/// Books the delivery; `hand_over` sends it. Leaves a message that nobody needs any more to the caller.
void hub::send(subscription& to, consumer& with, const edge& through, message& one, std::uint8_t delivery_count,
               core::byte_span record, std::uint32_t key) {
    ++with.used_messages;
    with.used_bytes += record.size();
    to.read_position = std::max(to.read_position, one.position);
    ++stats_.deliveries;
    ++through.to->messages_out;
    auto stream = with.stream;
    if (must_be_acknowledged(through, record)) {
        stream |= msg_link::must_acknowledge;
        to.add_outstanding({one.position, through.to, &with, one.bytes, static_cast<std::uint32_t>(with.used_messages),
                            key, delivery_count, false});
        ++through.to->references;
        if (key != 0) to.keys->sent(key, with);
    } else {
        --one.pending;
        to.held_bytes -= std::min<std::uint64_t>(to.held_bytes, one.bytes);
        note_read(to, *through.to, one.position);
        note_cursor(to);
    }
    if (with.sink->gathered_streams.empty()) touched_sinks_.push_back(with.sink);
    with.sink->gathered_streams.push_back(stream);
}

void hub::hand_over(const topic& from, std::uint64_t position, std::uint8_t delivery_count, core::byte_span record) {
    for (auto* sink : touched_sinks_) {
        sink->deliver(sink->gathered_streams, from, position, delivery_count, record);
        sink->gathered_streams.clear();
    }
    touched_sinks_.clear();
}

void hub::pump(subscription& one) {
    if (one.keys) return pump_keys(one);
    while (!one.deleted && !one.loading && !(one.redeliveries.empty() && one.next_edge() == nullptr)) {
        if (one.paused_until_ms != 0) {
            if (one.paused_until_ms > now_ms()) return;
            one.paused_until_ms = 0;
        }
        if (one.redeliveries.empty() && !may_read(one)) return;
        auto* with = one.pick();
        if (with == nullptr) return;
        if (!with->sink->ready()) {
            wait_for(*with->sink, one);
            return;
        }
        const bool went_on = one.redeliveries.empty()
                                 ? pump_one(one, with)
                                 : send_again(one, *with, one.redeliveries.begin()->first) != again_outcome::reading;
        if (!went_on) return;
    }
}

/// Sends the next unread message, to whom its key says when `with` is null; false when it must be read from disk first
/// or has to stay unread.
bool hub::pump_one(subscription& one, consumer* with) {
    auto& through = *one.next_edge();
    auto& from = *through.to;
    const auto position = one.next_position();
    one.pop_edge();
    auto* found = from.after(std::max(position - 1, through.start));
    if (found == nullptr) return true;
    if (found->position != position && one.next_edge() != nullptr && one.next_position() < found->position) {
        one.queue(through, found->position); // the one that waited is gone; others come first now
        return true;
    }
    const auto queue_next = [&] {
        if (const auto* next = from.after(found->position)) one.queue(through, next->position);
    };
    if (expired(from, *found)) {
        one.queue(through, found->position);
        expire(from);
        return true;
    }
    std::shared_ptr<const store::batch> held;
    const auto record = record_of(one, from, *found, held);
    if (record.empty()) {
        one.queue(through, found->position);
        prefetch(one);
        return false;
    }
    if (with != nullptr) {
        send(one, *with, through, *found, 1, record);
    } else if (!take_keyed(one, through, *found, record)) {
        one.queue(through, found->position);
        return false;
    }
    queue_next();
    hand_over(from, found->position, 1, record);
    one.drop_prefetched(found->position);
    if (found->pending == 0) {
        retire(from, *found);
        from.trim();
    }
    return true;
}

/// Nobody waits for it any more: removed, or its time is over.
bool hub::forget_if_gone(subscription& one, std::uint64_t position) {
    const auto at = one.redeliveries.find(position);
    if (at == one.redeliveries.end()) return true;
    auto& from = *at->second.from;
    auto* found = from.find(position);
    if (found != nullptr && found->pending > 0 && !expired(from, *found)) return false;
    one.held_bytes -= std::min<std::uint64_t>(one.held_bytes, at->second.bytes);
    if (one.keys) one.keys->forget_waiting(at->second.key, position);
    one.redeliveries.erase(at);
    --from.references;
    if (found != nullptr && found->pending > 0) expire(from);
    note_cursor(one);
    return true;
}

hub::again_outcome hub::send_again(subscription& one, consumer& with, std::uint64_t position) {
    if (forget_if_gone(one, position)) return again_outcome::gone;
    const auto at = one.redeliveries.find(position);
    const auto again = at->second;
    auto& from = *again.from;
    auto* found = from.find(position);
    std::shared_ptr<const store::batch> held;
    const auto record = record_of(one, from, *found, held);
    if (record.empty()) {
        prefetch_again(one, position);
        return again_outcome::reading;
    }
    if (one.max_deliveries != 0 && again.delivery_count > one.max_deliveries && bury(one, position, record))
        return again_outcome::gone;
    ++with.used_messages;
    with.used_bytes += record.size();
    ++stats_.deliveries;
    if (again.delivery_count > 1) ++stats_.redeliveries;
    auto stream = with.stream;
    if (again.must_acknowledge) {
        one.add_outstanding({position, &from, &with, found->bytes, static_cast<std::uint32_t>(with.used_messages),
                             again.key, again.delivery_count, false});
        if (one.keys && again.key != 0) one.keys->sent(again.key, with);
        stream |= msg_link::must_acknowledge;
    }
    with.sink->gathered_streams.push_back(stream);
    touched_sinks_.push_back(with.sink);
    hand_over(from, position, again.delivery_count, record);
    one.drop_prefetched(position);
    one.redeliveries.erase(position);
    if (one.keys) one.keys->forget_waiting(again.key, position);
    if (again.must_acknowledge) return again_outcome::sent;
    one.held_bytes -= std::min<std::uint64_t>(one.held_bytes, again.bytes);
    note_read(one, from, position);
    note_cursor(one);
    release(from, position);
    --from.references;
    return again_outcome::sent;
}

void hub::sink_ready(delivery_sink& sink) {
    auto waiting = std::move(sink.waiting);
    sink.waiting.clear();
    for (auto* one : waiting) one->waits_for_sink = false;
    for (auto* one : waiting) {
        if (sink.ready())
            pump(*one);
        else
            wait_for(sink, *one);
    }
}

/// A topic's backlog is shared, so one that never acknowledges would stop its publishers (design §7).
void hub::check_lag(subscription& one) {
    const auto& quota = one.owner().quota;
    if (one.durability == msg_link::durability::durable) {
        const auto held = static_cast<double>(one.held_bytes);
        if (one.backlog_high || held <= backlog_high_share * static_cast<double>(quota.backlog_bytes_per_topic)) return;
        one.backlog_high = true; // only a durable one may fill the topic: somebody must hear of it
        ++stats_.subscriptions_backlog_high;
        if (alarm_ && !one.name.empty()) alarm_(one.owner().name, backlog_alarm);
        return;
    }
    const bool only_qos0 =
        std::all_of(one.filters.begin(), one.filters.end(), [](const auto& f) { return f.qos == 0; });
    const auto most =
        only_qos0 ? quota.qos0_lag_bytes
                  : static_cast<std::uint64_t>(static_cast<double>(quota.backlog_bytes_per_topic) * quota.leased_share);
    if (one.held_bytes <= most) return;
    if (slow_.empty() || slow_.back() != one.id()) slow_.push_back(one.id());
}

void hub::end_slow_ones() {
    auto slow = std::move(slow_);
    slow_.clear();
    for (const auto id : slow) {
        const auto found = subscriptions_.find(id);
        if (found == subscriptions_.end()) continue;
        auto& one = *found->second;
        const bool only_qos0 =
            std::all_of(one.filters.begin(), one.filters.end(), [](const auto& f) { return f.qos == 0; });
        if (only_qos0)
            skip_behind(one);
        else
            remove(one, msg_link::reason::too_slow);
    }
}

/// A QoS 0 stream too far behind goes on at the newest message; what it missed is counted.
void hub::skip_behind(subscription& one) {
    for (auto* at : one.edges) {
        const auto behind = std::max(at->start, one.read_position);
        for (auto index = at->to->index_after(behind); index < at->to->messages.size(); ++index) {
            auto& missed = at->to->messages[index];
            if (missed.pending == 0) continue;
            ++stats_.skipped;
            ++one.owner().messages_skipped;
            if (--missed.pending == 0) retire(*at->to, missed);
        }
        at->to->trim();
    }
    one.clear_ready();
    one.drop_all_prefetched();
    one.held_bytes = 0;
    // Messages being committed are newer than what was skipped: they must still be delivered.
    std::uint64_t newest = one.read_position;
    for (const auto* at : one.edges)
        if (!at->to->messages.empty()) newest = std::max(newest, at->to->messages.back().position);
    one.read_position = newest;
}

} // namespace messaging::topic
