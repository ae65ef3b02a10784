// Records for subscribers that do not keep up: from the cache of recent batches, else read ahead from disk.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"

namespace messaging::topic {

/// From what was read ahead or the cache of recent batches; empty when it must be read.
core::byte_span hub::record_of(subscription& one, const topic&, const message& what,
                               std::shared_ptr<const store::batch>& held) {
    if (one.aside) {
        const auto record = one.aside->prefetched.find(what.position);
        if (!record.empty()) return record;
    }
    held = log_->cached(what.where);
    return held ? held->entry(what.where).body : core::byte_span{};
}

/// All that is unread, whatever its topic, in the order of positions, which is that of the log: so a backlog over
/// thousands of topics is read as fast as one of a single topic.
void hub::prefetch(subscription& one) {
    read_list wanted;
    one.walk_unread([&](edge& through, std::uint64_t position) {
        auto& from = *through.to;
        auto index = from.index_after(std::max(position - 1, through.start));
        if (index < from.messages.size() && from.messages[index].position == position) {
            if (from.messages[index].pending > 0) wanted.add(from, from.messages[index]);
            ++index;
        }
        return std::pair(wanted.room(), index < from.messages.size() ? from.messages[index].position : 0);
    });
    fetch(one, std::move(wanted));
}

/// What was given back or held back, from this position on.
void hub::prefetch_again(subscription& one, std::uint64_t position) {
    read_list wanted;
    for (auto at = one.redeliveries.find(position); at != one.redeliveries.end() && wanted.room(); ++at)
        if (const auto* found = at->second.from->find(at->first); found != nullptr && found->pending > 0)
            wanted.add(*at->second.from, *found);
    fetch(one, std::move(wanted));
}

bool hub::read_list::room() const noexcept {
    constexpr std::size_t messages_max = 1'024;
    constexpr std::size_t bytes_max = 256 * 1024;
    return requests.size() < messages_max && bytes < bytes_max;
}

void hub::read_list::add(topic& from, const message& one) {
    requests.push_back({one.where, store::entry_bytes(one.bytes)});
    bytes += one.bytes;
    if (topics.empty() || topics.back() != &from) topics.push_back(&from);
}

void hub::fetch(subscription& one, read_list wanted) {
    one.loading = true;
    for (auto* from : wanted.topics) ++from->references;
    log_->fetch(std::move(wanted.requests), [this, id = one.id(), topics = std::move(wanted.topics)](
                                                const std::shared_ptr<const store::fetched>& read) {
        for (auto* from : topics) --from->references;
        const auto found = subscriptions_.find(id);
        auto* to = found == subscriptions_.end() ? nullptr : found->second;
        if (to != nullptr) {
            to->loading = false;
            to->make_aside().prefetched.take(read);
        }
        for (const auto& entry : read->entries)
            if (entry.error) give_up(topics, entry.where, entry.error);
        for (auto* from : topics) from->trim();
        if (to != nullptr) pump(*to);
    });
}

void hub::give_up(const std::vector<topic*>& among, store::location where, core::error_code error) {
    core::log::error("message unreadable",
                     {{"segment", where.segment}, {"offset", where.offset}, {"error", error.message()}});
    for (auto* from : among)
        for (auto& damaged : from->messages)
            if (damaged.where == where && damaged.pending > 0) {
                damaged.pending = 0;
                retire(*from, damaged);
            }
}

} // namespace messaging::topic
