// Delivery: what became durable goes to every subscription that may have it now; the rest is pumped when credit comes.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"
#include "common/record/record.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
bool must_be_acknowledged(const edge& through, core::byte_span record) noexcept {
    return through.qos == 2 || (through.qos == 1 && record::peek_qos(record) >= 1);
}
constexpr std::size_t prefetch_messages = 256;
constexpr std::size_t prefetch_bytes = 256 * 1024;
} // namespace

consumer* hub::next_consumer(subscription& of) const noexcept {
    if (of.unacknowledged >= of.owner().quota.unacknowledged_per_subscription) return nullptr;
    return of.pick();
}

void hub::wait_for(delivery_sink& sink, subscription& one) {
    if (one.waits_for_sink) return;
    one.waits_for_sink = true;
    sink.waiting.push_back(&one);
}

void hub::note_cursor(subscription& one) {
    if (one.cursor_dirty || one.durability == msg_link::durability::volatile_) return;
    one.cursor_dirty = true;
    dirty_cursors_.push_back(&one);
}

void hub::dispatch(topic& from, message& one, core::byte_span record) {
    for (const auto& at : from.edges) {
        if (one.position <= at->start) continue;
        auto& to = *at->by;
        to.held_bytes += one.bytes;
        if (to.caught_up()) {
            if (auto* with = next_consumer(to)) {
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
               core::byte_span record) {
    ++with.used_messages;
    with.used_bytes += record.size();
    to.read_position = std::max(to.read_position, one.position);
    ++stats_.deliveries;
    ++through.to->messages_out;
    auto stream = with.stream;
    if (must_be_acknowledged(through, record)) {
        stream |= msg_link::must_acknowledge;
        to.add_outstanding({one.position, through.to, &with, one.bytes, delivery_count, false});
        ++through.to->references;
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
    while (!one.deleted && !one.loading && !(one.redeliveries.empty() && one.next_edge() == nullptr)) {
        auto* with = next_consumer(one);
        if (with == nullptr) return;
        if (!with->sink->ready()) {
            wait_for(*with->sink, one);
            return;
        }
        const bool went_on = one.redeliveries.empty() ? pump_one(one, *with) : redeliver_one(one, *with);
        if (!went_on) return;
    }
}

/// Sends the next unread message; false when it must be read from disk first.
bool hub::pump_one(subscription& one, consumer& with) {
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
        prefetch(one, from, found->position);
        return false;
    }
    queue_next();
    send(one, with, through, *found, 1, record);
    hand_over(from, found->position, 1, record);
    one.prefetched.erase(found->position);
    if (found->pending == 0) {
        retire(from, *found);
        from.trim();
    }
    return true;
}

bool hub::redeliver_one(subscription& one, consumer& with) {
    const auto [position, again] = *one.redeliveries.begin();
    auto* found = again.from->find(position);
    if (found == nullptr || found->pending == 0 || expired(*again.from, *found)) {
        --again.from->references;
        one.redeliveries.erase(position);
        if (found != nullptr && found->pending > 0) expire(*again.from);
        return true;
    }
    std::shared_ptr<const store::batch> held;
    const auto record = record_of(one, *again.from, *found, held);
    if (record.empty()) {
        prefetch(one, *again.from, position);
        return false;
    }
    ++with.used_messages;
    with.used_bytes += record.size();
    ++stats_.deliveries;
    if (again.delivery_count > 1) ++stats_.redeliveries;
    if (again.must_acknowledge)
        one.add_outstanding({position, again.from, &with, found->bytes, again.delivery_count, false});
    with.sink->gathered_streams.push_back(with.stream | (again.must_acknowledge ? msg_link::must_acknowledge : 0));
    touched_sinks_.push_back(with.sink);
    hand_over(*again.from, position, again.delivery_count, record);
    one.prefetched.erase(position);
    one.redeliveries.erase(position);
    if (again.must_acknowledge) return true;
    one.held_bytes -= std::min<std::uint64_t>(one.held_bytes, found->bytes);
    note_read(one, *again.from, position);
    release(*again.from, position);
    --again.from->references;
    return true;
}

/// Errors that a client itself was given do not come again on its next connection.
void hub::note_read(const subscription& by, topic& from, std::uint64_t position) {
    if (!from.reports() || by.claim == 0 || position <= from.read_mark) return;
    from.read_mark = position;
    if (std::exchange(from.mark_dirty, true)) return;
    dirty_marks_.push_back(&from);
}

/// From the cache of recent batches, or from what was read ahead; empty when it must be read.
core::byte_span hub::record_of(subscription& one, const topic&, const message& what,
                               std::shared_ptr<const store::batch>& held) {
    held = log_->cached(what.where);
    if (held) return held->entry(what.where).body;
    const auto found = one.prefetched.find(what.position);
    return found == one.prefetched.end() ? core::byte_span{} : core::as_bytes(found->second);
}

void hub::prefetch(subscription& one, topic& from, std::uint64_t position) {
    std::vector<store::read_request> requests;
    std::size_t bytes = 0;
    for (auto index = from.index_after(position - 1); index < from.messages.size(); ++index) {
        const auto& next = from.messages[index];
        if (next.pending == 0) continue;
        if (requests.size() >= prefetch_messages || bytes >= prefetch_bytes) break;
        requests.push_back({next.where, store::entry_bytes(next.bytes)});
        bytes += next.bytes;
    }
    one.loading = true;
    const auto id = one.id();
    auto* topic_read = &from;
    ++from.references;
    log_->fetch(std::move(requests), [this, id, topic_read](const std::shared_ptr<const store::fetched>& read) {
        --topic_read->references;
        const auto found = subscriptions_.find(id);
        if (found == subscriptions_.end()) return;
        auto& to = *found->second;
        to.loading = false;
        to.prefetched.clear();
        for (const auto& entry : read->entries) {
            if (!entry.error) {
                to.prefetched.emplace(entry.entry.position, core::as_text(entry.entry.body));
                continue;
            }
            core::log::error(
                "message unreadable",
                {{"segment", entry.where.segment}, {"offset", entry.where.offset}, {"error", entry.error.message()}});
            for (auto& damaged : topic_read->messages)
                if (damaged.where == entry.where && damaged.pending > 0) {
                    damaged.pending = 0;
                    retire(*topic_read, damaged);
                }
        }
        topic_read->trim();
        pump(to);
    });
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
    note_cursor(by);
    pump(by);
}

void hub::negative_acknowledge(consumer& of, std::uint64_t from, std::uint64_t to) {
    auto& by = *of.of;
    for (auto it = by.outstanding_from(from); it != by.outstanding_list.end() && it->position <= to; ++it) {
        if (it->acknowledged || it->with != &of) continue;
        it->acknowledged = true;
        --by.unacknowledged;
        const auto count = static_cast<std::uint8_t>(std::min(it->delivery_count + 1, 255));
        by.redeliveries.emplace(it->position, redelivery{it->from, count});
    }
    by.trim_outstanding();
    pump(by);
}

void hub::credit(consumer& of, std::uint64_t messages, std::uint64_t bytes) {
    of.credit_messages = std::max(of.credit_messages, messages);
    of.credit_bytes = std::max(of.credit_bytes, bytes);
    pump(*of.of);
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
    if (one.durability == msg_link::durability::durable) return;
    const auto& quota = one.owner().quota;
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
    one.prefetched.clear();
    one.held_bytes = 0;
    // Messages being committed are newer than what was skipped: they must still be delivered.
    std::uint64_t newest = one.read_position;
    for (const auto* at : one.edges)
        if (!at->to->messages.empty()) newest = std::max(newest, at->to->messages.back().position);
    one.read_position = newest;
}

} // namespace messaging::topic
