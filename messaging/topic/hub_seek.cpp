// Putting a subscription to another place.
#include "messaging/topic/hub.hpp"

#include "messaging/topic/journal.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {

/// The position behind which the subscription shall read.
std::uint64_t position_of(const subscription& one, const seek_target& target) {
    if (target.to == seek_target::kind::earliest) return 0;
    std::uint64_t behind = one.owner().position;
    if (target.to == seek_target::kind::latest) return behind;
    for (const auto* at : one.edges) { // positions and times of a tenant rise together
        const auto& messages = at->to->messages;
        const auto* found = std::lower_bound(messages.begin(), messages.end(), target.time_ms,
                                             [](const message& m, std::int64_t t) { return m.time_ms < t; });
        if (found != messages.end()) behind = std::min(behind, found->position - 1);
    }
    return behind;
}

} // namespace

/// Everything the subscription has read and not acknowledged is not needed by it any more.
void hub::drop_in_flight(subscription& one) {
    for (auto& held : one.outstanding_list)
        if (!held.acknowledged) drop_outstanding(one, held);
    one.outstanding_list.clear();
    const auto drop = [&](std::uint64_t position, const redelivery& again) {
        if (again.from == nullptr) return;
        one.held_bytes -= std::min<std::uint64_t>(one.held_bytes, again.bytes);
        release(*again.from, position);
        --again.from->references;
    };
    for (const auto& [position, again] : one.redeliveries) drop(position, again);
    one.redeliveries.clear();
    if (!one.aside) return;
    for (const auto& [due, held] : one.aside->delayed) drop(held.first, held.second);
    for (const auto& [position, again] : one.aside->dying) drop(position, again);
    one.aside.reset();
}

msg_link::reason hub::seek(subscription& one, const seek_target& target) {
    if (one.name.empty() || one.durability != msg_link::durability::durable) return msg_link::reason::bad_request;
    auto behind = position_of(one, target);
    if (target.to == seek_target::kind::time) // also what is on its way to the disk
        for (const auto& batch : works_)
            for (const auto& message : batch.messages)
                if (&message.to->owner() == &one.owner() && message.time_ms >= target.time_ms)
                    behind = std::min(behind, message.position - 1);
    const auto streams = one.consumers.size();
    for (std::size_t i = 0; i < streams; ++i) { // each takes itself off the list
        auto* with = one.consumers.back().get();
        with->sink->ended(with->stream, msg_link::reason::moved, msg_link::text(msg_link::reason::moved));
        take_off(*with);
    }
    // First what is wanted now, then what was held goes: nothing is retired in between.
    struct span {
        topic* of;
        std::uint64_t was_behind;
    };
    std::vector<span> read;
    for (auto* at : one.edges) {
        read.push_back({at->to, std::max(at->start, one.read_position)});
        at->start = behind;
    }
    for (const auto& part : read) {
        auto& messages = part.of->messages;
        for (auto index = part.of->index_after(behind); index < messages.size(); ++index) {
            if (messages[index].pending == 0) continue;
            ++messages[index].pending;
            one.held_bytes += messages[index].bytes;
        }
    }
    drop_in_flight(one);
    for (const auto& part : read) release_all(one, *part.of, part.was_behind);
    for (auto& filter : one.filters) filter.start = std::min(filter.start, behind);
    one.read_position = behind;
    one.paused_until_ms = 0;
    one.keys.reset();
    use_type(one, one.type);
    requeue(one);
    std::string body;
    journal::sought(body, one.id(), behind);
    append_journal(static_cast<std::uint8_t>(journal::type::sought), 0, body);
    note_cursor(one);
    return msg_link::reason::ok;
}

} // namespace messaging::topic
