// Key-shared subscriptions: each key to one consumer, in order, and a key that has to wait stops no other.
#include "messaging/topic/hub.hpp"

#include "common/record/record.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

void hub::use_type(subscription& of, msg_link::subscription_type type) {
    of.type = type;
    if (type != msg_link::subscription_type::key_shared) {
        of.keys.reset();
        return;
    }
    if (of.keys) return;
    of.keys = std::make_unique<key_shares>();
    if (of.aside) {
        for (const auto& [due, one] : of.aside->delayed) of.redeliveries.insert_or_assign(one.first, one.second);
        of.aside->delayed.clear();
    }
    for (auto& [position, again] : of.redeliveries) {
        again.key = 0;
        of.keys->unclassified.push_back(position);
    }
}

void hub::pump_keys(subscription& one) {
    auto& keys = *one.keys;
    while (!one.deleted && !one.loading && !one.consumers.empty()) {
        if (!keys.unclassified.empty()) {
            if (!classify_next(one)) return;
            continue;
        }
        if (const auto key = keys.take_key(); key != 0) {
            if (!serve_key(one, key)) return;
            continue;
        }
        const bool unread = one.next_edge() != nullptr && may_read(one) &&
                            one.redeliveries.size() < one.owner().quota.held_back_per_subscription;
        if (keys.unkeyed.empty() && !unread) return;
        auto* with = one.pick();
        if (with == nullptr) return;
        if (!with->sink->ready()) return wait_for(*with->sink, one);
        if (keys.unkeyed.empty()) {
            if (!pump_one(one, nullptr)) return;
        } else if (send_again(one, *with, keys.unkeyed.front()) == again_outcome::reading) {
            return;
        }
    }
}

/// Sends what waits of this key as far as its consumer may have it; false when it must be read from disk first.
bool hub::serve_key(subscription& one, std::uint32_t key) {
    auto& keys = *one.keys;
    while (auto* state = keys.find(key)) {
        if (state->waiting.empty()) {
            keys.tidy(key);
            return true;
        }
        if (state->due_ms > now_ms()) return true; // listed again when it is due
        auto* with = keys.receiver_of(key, state);
        if (with == nullptr) return true; // listed again when its old consumer has nothing of it any more
        if (!with->has_credit() || !with->sink->ready()) {
            keys.block(key, *with);
            if (with->has_credit()) wait_for(*with->sink, one);
            return true;
        }
        const auto position = state->waiting.front();
        switch (send_again(one, *with, position)) {
        case again_outcome::sent: break;
        case again_outcome::gone: keys.forget_waiting(key, position); break;
        case again_outcome::reading: keys.try_first(key); return false;
        }
    }
    return true;
}

/// Finds out the key of what came from the log; false when it must be read from disk first.
bool hub::classify_next(subscription& one) {
    auto& keys = *one.keys;
    const auto position = keys.unclassified.front();
    if (forget_if_gone(one, position)) {
        if (!keys.unclassified.empty() && keys.unclassified.front() == position) keys.unclassified.pop_front();
        return true;
    }
    auto& again = one.redeliveries.find(position)->second;
    std::shared_ptr<const store::batch> held;
    const auto record = record_of(one, *again.from, *again.from->find(position), held);
    if (record.empty()) {
        prefetch_again(one, position);
        return false;
    }
    const auto parsed = record::parse(record);
    again.key = parsed ? key_hash(parsed->effective_key()) : 0;
    keys.unclassified.pop_front();
    keys.wait(again.key, position);
    return true;
}

/// Books an unread message for whom its key says, or lets it wait for its key; false when it has to stay unread.
bool hub::take_keyed(subscription& to, edge& through, message& one, core::byte_span record) {
    auto& keys = *to.keys;
    if (to.consumers.empty() || !keys.unclassified.empty() || !may_read(to)) return false;
    const auto parsed = record::parse(record);
    const auto key = parsed ? key_hash(parsed->effective_key()) : 0;
    auto* any = to.pick();
    if (any == nullptr) return false;
    if (!any->sink->ready()) {
        wait_for(*any->sink, to);
        return false;
    }
    if (key == 0) {
        send(to, *any, through, one, 1, record);
        return true;
    }
    const auto* state = keys.find(key);
    auto* with = keys.receiver_of(key, state);
    if (with != nullptr && with->has_credit() && (state == nullptr || state->waiting.empty())) {
        if (with->sink->ready()) {
            send(to, *with, through, one, 1, record, key);
            return true;
        }
        wait_for(*with->sink, to);
    }
    if (to.redeliveries.size() >= to.owner().quota.held_back_per_subscription) return false;
    to.redeliveries.insert_or_assign(
        one.position, redelivery{through.to, one.bytes, key, 1, must_be_acknowledged(through, record), false});
    ++through.to->references;
    to.read_position = std::max(to.read_position, one.position);
    keys.wait(key, one.position);
    note_cursor(to);
    return true;
}

} // namespace messaging::topic
