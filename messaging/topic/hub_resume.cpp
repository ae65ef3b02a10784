// A client that comes back says what it has; FORMAT.md of the link, §5.
#include "messaging/topic/hub.hpp"

#include <algorithm>

namespace messaging::topic {

void hub::resume(consumer& of, const msg_link::resume_stream& told) {
    auto& by = *of.of;
    const auto taken = told.taken;
    const auto& held = told.outstanding;
    // What was lost on the way used no credit, and a restarted server never knew what was used.
    of.used_messages = told.taken_messages;
    of.used_bytes = told.taken_bytes;
    std::vector<std::uint64_t> listed;
    listed.reserve(held.size());
    for (std::size_t i = 0; i < held.size(); ++i) listed.push_back(held[i]);
    const auto is_listed = [&](std::uint64_t position) {
        return std::binary_search(listed.begin(), listed.end(), position);
    };
    // What was sent and not taken goes out again as it was; what was taken and is not listed is done. What came again
    // may lie below `taken`: its place among the stream's deliveries tells whether it arrived.
    const auto arrived = [&](const outstanding& one) {
        return one.position <= taken &&
               static_cast<std::int32_t>(one.ordinal - static_cast<std::uint32_t>(told.taken_messages)) <= 0;
    };
    for (auto& one : by.outstanding_list) {
        if (one.acknowledged || one.with != &of) continue;
        if (!arrived(one)) {
            give_back(by, one, one.delivery_count, 0);
        } else if (!is_listed(one.position)) {
            note_read(by, *one.from, one.position);
            drop_outstanding(by, one);
        }
    }
    by.trim_outstanding();
    if (std::exchange(by.awaits_resume, false)) resume_recovered(of, told.taken, is_listed);
    by.drop_all_prefetched();
    requeue(by);
    note_cursor(by);
    pump(by);
}

/// After a restart the log knows less than the client: outstanding entries come back, the rest below `taken` is done.
void hub::resume_recovered(consumer& of, std::uint64_t taken, const std::function<bool(std::uint64_t)>& is_listed) {
    auto& by = *of.of;
    const auto keep = [&](topic& from, const message& one, std::uint8_t count) {
        by.add_outstanding(
            {one.position, &from, &of, one.bytes, static_cast<std::uint32_t>(of.used_messages), 0, count, false});
    };
    for (auto it = by.redeliveries.begin(); it != by.redeliveries.end() && it->first <= taken;) {
        const auto position = it->first;
        auto& from = *it->second.from;
        const auto count = static_cast<std::uint8_t>(std::max(it->second.delivery_count - 1, 1));
        if (!it->second.recovered) {
            ++it;
            continue;
        }
        it = by.redeliveries.erase(it);
        const auto* found = from.find(position);
        if (found != nullptr && is_listed(position)) {
            keep(from, *found, count);
        } else {
            if (found != nullptr && found->pending > 0)
                by.held_bytes -= std::min<std::uint64_t>(by.held_bytes, found->bytes);
            release(from, position);
            --from.references;
        }
    }
    if (taken > by.read_position) {
        for (auto* at : by.edges) {
            auto& from = *at->to;
            const auto behind = std::max(at->start, by.read_position);
            for (auto index = from.index_after(behind); index < from.messages.size(); ++index) {
                auto& one = from.messages[index];
                if (one.position > taken) break;
                if (one.pending == 0) continue;
                if (is_listed(one.position)) {
                    keep(from, one, 1);
                    ++from.references;
                } else {
                    by.held_bytes -= std::min<std::uint64_t>(by.held_bytes, one.bytes);
                    if (--one.pending == 0) retire(from, one);
                }
            }
            from.trim();
        }
        by.read_position = taken;
    }
}

} // namespace messaging::topic
