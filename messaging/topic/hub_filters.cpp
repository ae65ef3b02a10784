// Filters and the topics they select.
#include "messaging/topic/hub.hpp"

#include "common/record/filter.hpp"
#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
std::uint8_t raw(journal::type kind) noexcept { return static_cast<std::uint8_t>(kind); }
} // namespace

msg_link::reason hub::add_filter(subscription& to, std::string_view text, std::uint8_t qos, msg_link::start_at start) {
    auto& owner = to.owner();
    const bool exact = !record::has_wildcard(text);
    auto& space = owner.spaces[to.name_space];
    auto found =
        std::find_if(to.filters.begin(), to.filters.end(), [&](const auto& one) { return one.filter == text; });
    if (found != to.filters.end() && found->qos == qos) return msg_link::reason::ok;
    if (found == to.filters.end()) {
        if (to.filters.size() >= owner.quota.filters_per_subscription) return msg_link::reason::rate_limited;
        if (exact && find_topic(owner, to.name_space, text) == nullptr) {
            if (owner.topic_count >= owner.quota.topics_per_tenant && class_of(text) == topic_class::normal)
                return msg_link::reason::topic_limit;
            make_topic(owner, to.name_space, text);
        }
        const auto from = start == msg_link::start_at::earliest ? 0 : owner.position;
        to.filters.push_back({std::string(text), from, qos});
        found = std::prev(to.filters.end());
        index_filter(to, *found);
    }
    found->qos = qos;
    if (to.durability != msg_link::durability::volatile_) {
        std::string body;
        journal::filter_added(body, to.id(), *found);
        append_journal(raw(journal::type::filter_added), 0, body);
    }
    const auto filter = *found;
    if (filter.start < to.read_position && start == msg_link::start_at::earliest && to.outstanding_list.empty() &&
        to.edges.empty())
        to.read_position = 0; // nothing was read yet: "earliest" reaches back
    if (exact)
        connect(to, *find_topic(owner, to.name_space, text), filter);
    else
        for (const auto& [name, one] : space.topics)
            if (record::filter_matches(text, name)) connect(to, *one, filter);
    pump(to);
    return msg_link::reason::ok;
}

bool hub::remove_filter(subscription& from, std::string_view text) {
    const auto found =
        std::find_if(from.filters.begin(), from.filters.end(), [&](const auto& one) { return one.filter == text; });
    if (found == from.filters.end()) return false;
    from.filters.erase(found);
    unindex_filter(from, text);
    if (from.durability != msg_link::durability::volatile_) {
        std::string body;
        journal::filter_removed(body, from.id(), text);
        append_journal(raw(journal::type::filter_removed), 0, body);
        // With what it has read and not acknowledged: the filters that are left may begin behind that.
        body.clear();
        journal::cursor(body, from);
        append_journal(raw(journal::type::cursor), 0, body);
    }
    const auto edges = from.edges;
    for (auto* at : edges)
        if (record::filter_matches(text, at->to->name())) disconnect(from, *at->to);
    return true;
}

void hub::index_filter(subscription& by, const subscribed_filter& filter) {
    auto& space = by.owner().spaces[by.name_space];
    if (!record::has_wildcard(filter.filter))
        space.exact[filter.filter].push_back(&by);
    else if (std::find(space.wild.begin(), space.wild.end(), &by) == space.wild.end())
        space.wild.push_back(&by);
}

void hub::unindex_filter(subscription& by, std::string_view text) {
    auto& space = by.owner().spaces[by.name_space];
    if (!record::has_wildcard(text)) {
        const auto found = space.exact.find(text);
        if (found == space.exact.end()) return;
        std::erase(found->second, &by);
        if (found->second.empty()) space.exact.erase(found);
        return;
    }
    const bool others = std::any_of(by.filters.begin(), by.filters.end(),
                                    [](const auto& one) { return record::has_wildcard(one.filter); });
    if (!others) std::erase(space.wild, &by);
}

void hub::connect_new_topic(topic& made) {
    auto& space = made.owner().spaces[made.name_space()];
    if (const auto found = space.exact.find(made.name()); found != space.exact.end())
        for (auto* by : found->second)
            for (const auto& filter : by->filters)
                if (filter.filter == made.name()) connect(*by, made, filter);
    for (auto* by : space.wild)
        for (const auto& filter : by->filters)
            if (record::has_wildcard(filter.filter) && record::filter_matches(filter.filter, made.name()))
                connect(*by, made, filter);
}

void hub::connect(subscription& by, topic& to, const subscribed_filter& filter) {
    edge* found = nullptr;
    if (by.edges.size() < to.edges.size()) {
        for (auto* at : by.edges)
            if (at->to == &to) found = at;
    } else {
        for (const auto& at : to.edges)
            if (at->by == &by) found = at.get();
    }
    if (found != nullptr) { // overlapping filters: one delivery at the highest QoS; a replaced one may have lowered it
        found->qos = 0;
        for (const auto& one : by.filters)
            if (record::filter_matches(one.filter, to.name())) found->qos = std::max(found->qos, one.qos);
        if (recovering_)
            found->start = std::min(found->start, filter.start); // whichever comes first, the oldest counts
        return;
    }
    auto made = std::make_unique<edge>();
    made->by = &by;
    made->to = &to;
    made->start = filter.start;
    made->qos = filter.qos;
    auto& one = *made;
    to.edges.push_back(std::move(made));
    by.edges.push_back(&one);
    if (recovering_) return; // what is pending is counted once, at the end of recovery
    if (to.reports() && by.claim != 0) return give_unread(by, one);
    const auto behind = std::max(one.start, by.read_position);
    bool first = true;
    for (auto index = to.index_after(behind); index < to.messages.size(); ++index) {
        auto& waiting = to.messages[index];
        if (waiting.pending == 0) continue;
        ++waiting.pending;
        by.held_bytes += waiting.bytes;
        if (first) by.queue(one, waiting.position);
        first = false;
    }
}

/// A client gets its own errors from the first that it was not given yet (FORMAT.md §6 of the link): those that are
/// there as redeliveries, because its cursor has long passed them, and new ones as they come.
void hub::give_unread(subscription& by, edge& through) {
    auto& from = *through.to;
    through.start = from.messages.empty() ? from.read_mark : std::max(from.read_mark, from.messages.back().position);
    for (auto index = from.index_after(from.read_mark); index < from.messages.size(); ++index) {
        auto& waiting = from.messages[index];
        if (waiting.pending == 0 || by.redeliveries.contains(waiting.position)) continue;
        const auto held = by.outstanding_from(waiting.position);
        if (held != by.outstanding_list.end() && held->position == waiting.position) continue;
        ++waiting.pending;
        ++from.references;
        by.held_bytes += waiting.bytes;
        by.redeliveries.emplace(waiting.position, redelivery{&from, waiting.bytes, 0, 1, through.qos > 0, false});
    }
}

void hub::disconnect(subscription& by, topic& to) {
    const auto found = std::find_if(by.edges.begin(), by.edges.end(), [&](const edge* at) { return at->to == &to; });
    if (found == by.edges.end()) return;
    auto* one = *found;
    bool still = false;
    std::uint8_t qos = 0;
    auto start = ~std::uint64_t{0};
    for (const auto& filter : by.filters)
        if (record::filter_matches(filter.filter, to.name())) {
            still = true;
            qos = std::max(qos, filter.qos);
            start = std::min(start, filter.start);
        }
    if (still) {
        one->qos = qos;
        if (start <= one->start) return;
        // What only the filter that goes had wanted, as after a restart.
        release_all(by, to, std::max(one->start, by.read_position), start);
        one->start = start;
        return requeue(by);
    }
    release_all(by, to, std::max(one->start, by.read_position));
    by.forget_edge(*one);
    std::erase_if(to.edges, [&](const auto& at) { return at.get() == one; });
    to.used_ms = now_ms();
}

/// The subscription needs nothing of the topic's unread messages any more, up to that one.
void hub::release_all(subscription& one, topic& from, std::uint64_t behind, std::uint64_t up_to) {
    for (auto index = from.index_after(behind); index < from.messages.size(); ++index) {
        auto& left = from.messages[index];
        if (left.position > up_to) break;
        if (left.pending == 0) continue;
        one.held_bytes -= std::min<std::uint64_t>(one.held_bytes, left.bytes);
        if (--left.pending == 0) retire(from, left);
    }
    from.trim();
}

void hub::requeue(subscription& one) {
    one.clear_ready();
    for (auto* at : one.edges)
        if (const auto* next = at->to->after(std::max(at->start, one.read_position))) one.queue(*at, next->position);
}

} // namespace messaging::topic
