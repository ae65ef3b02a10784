// Subscriptions: creation, filters, consumers coming and going, resuming.
#include "messaging/topic/hub.hpp"

#include "common/record/filter.hpp"
#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
std::uint8_t raw(journal::type kind) noexcept { return static_cast<std::uint8_t>(kind); }
} // namespace

subscription* hub::find_subscription(std::string_view tenant_name, std::string_view space, std::string_view name) {
    const auto owner = tenants_.find(tenant_name);
    if (owner == tenants_.end()) return nullptr;
    const auto in = owner->second->spaces.find(space);
    if (in == owner->second->spaces.end()) return nullptr;
    const auto found = in->second.named.find(name);
    return found == in->second.named.end() ? nullptr : found->second;
}

subscription* hub::subscribe(const subscribe_request& request, msg_link::reason& why) {
    why = msg_link::reason::ok;
    auto& owner = tenant_of(request.tenant);
    if (!request.name.empty()) {
        if (auto* found = find_subscription(request.tenant, request.name_space, request.name)) {
            if (found->type != request.type && !found->consumers.empty())
                why = msg_link::reason::bad_request;
            else if (request.type == msg_link::subscription_type::exclusive && !found->consumers.empty())
                why = msg_link::reason::busy;
            else
                found->type = request.type;
            return why == msg_link::reason::ok ? found : nullptr;
        }
    }
    if (owner.subscriptions.size() >= owner.quota.subscriptions_per_tenant) {
        why = msg_link::reason::rate_limited;
        return nullptr;
    }
    const auto id = next_subscription_++;
    auto made = std::make_unique<subscription>(owner, id);
    auto& one = *made;
    one.name_space = request.name_space;
    one.name = request.name;
    one.type = request.type;
    one.durability = request.durability;
    one.claim = request.claim;
    one.session = request.durability == msg_link::durability::durable ? 0 : request.session;
    one.stream = request.stream;
    one.read_position = owner.position;
    one.idle_since_ms = now_ms();
    owner.subscriptions.emplace(id, std::move(made));
    subscriptions_.emplace(id, &one);
    if (!one.name.empty()) owner.spaces[one.name_space].named.emplace(one.name, &one);
    if (auto* by = find_claim(request.claim)) by->subscribed = &one;
    if (one.durability != msg_link::durability::volatile_) {
        std::string body;
        journal::subscription_created(body, one);
        append_journal(raw(journal::type::subscription_created), 0, body);
    }
    return &one;
}

consumer* hub::attach(subscription& to, delivery_sink& sink, std::uint32_t stream) {
    auto made = std::make_unique<consumer>();
    made->sink = &sink;
    made->stream = stream;
    made->of = &to;
    to.consumers.push_back(std::move(made));
    return to.consumers.back().get();
}

void hub::detach(consumer& one) {
    auto& from = *one.of;
    for (auto& held : from.outstanding_list) {
        if (held.acknowledged || held.with != &one) continue;
        held.acknowledged = true;
        --from.unacknowledged;
        const auto count = static_cast<std::uint8_t>(std::min(held.delivery_count + 1, 255));
        from.redeliveries.emplace(held.position, redelivery{held.from, count});
    }
    from.trim_outstanding();
    auto* sink = one.sink;
    std::erase_if(from.consumers, [&](const auto& at) { return at.get() == &one; });
    const bool others_there =
        std::any_of(from.consumers.begin(), from.consumers.end(), [&](const auto& at) { return at->sink == sink; });
    if (!others_there && from.waits_for_sink) {
        std::erase(sink->waiting, &from);
        from.waits_for_sink = false;
    }
    from.idle_since_ms = now_ms();
    if (from.durability == msg_link::durability::volatile_ && from.consumers.empty())
        remove(from, msg_link::reason::ok);
    else
        pump(from);
}

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
        by.redeliveries.emplace(waiting.position, redelivery{&from, 1, through.qos > 0});
    }
}

void hub::disconnect(subscription& by, topic& to) {
    const auto found = std::find_if(by.edges.begin(), by.edges.end(), [&](const edge* at) { return at->to == &to; });
    if (found == by.edges.end()) return;
    auto* one = *found;
    bool still = false;
    std::uint8_t qos = 0;
    for (const auto& filter : by.filters)
        if (record::filter_matches(filter.filter, to.name())) {
            still = true;
            qos = std::max(qos, filter.qos);
        }
    if (still) {
        one->qos = qos;
        return;
    }
    release_all(by, to, std::max(one->start, by.read_position));
    by.forget_edge(*one);
    std::erase_if(to.edges, [&](const auto& at) { return at.get() == one; });
    to.used_ms = now_ms();
}

/// The subscription needs nothing of the topic's unread messages any more.
void hub::release_all(subscription& one, topic& from, std::uint64_t behind) {
    for (auto index = from.index_after(behind); index < from.messages.size(); ++index) {
        auto& left = from.messages[index];
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

void hub::remove(subscription& one, msg_link::reason told) {
    if (told != msg_link::reason::ok)
        for (const auto& with : one.consumers) with->sink->ended(with->stream, told, msg_link::text(told));
    if (one.durability != msg_link::durability::volatile_) {
        std::string body;
        journal::number(body, one.id());
        append_journal(raw(journal::type::subscription_removed), 0, body);
    }
    destroy(one);
}

void hub::destroy(subscription& one) {
    auto& owner = one.owner();
    const auto edges = one.edges;
    for (auto* at : edges) {
        auto& to = *at->to;
        release_all(one, to, std::max(at->start, one.read_position));
        one.forget_edge(*at);
        std::erase_if(to.edges, [&](const auto& held) { return held.get() == at; });
        to.used_ms = now_ms();
    }
    for (auto& held : one.outstanding_list)
        if (!held.acknowledged) drop_outstanding(one, held);
    for (auto& [position, again] : one.redeliveries)
        if (again.from != nullptr) {
            release(*again.from, position);
            --again.from->references;
        }
    const auto filters = std::move(one.filters);
    one.filters.clear();
    for (const auto& filter : filters) unindex_filter(one, filter.filter);
    for (const auto& with : one.consumers) std::erase(with->sink->waiting, &one);
    if (!one.name.empty()) owner.spaces[one.name_space].named.erase(one.name);
    if (auto* by = find_claim(one.claim); by != nullptr && by->subscribed == &one) by->subscribed = nullptr;
    if (one.cursor_dirty) std::erase(dirty_cursors_, &one);
    one.deleted = true;
    subscriptions_.erase(one.id());
    owner.subscriptions.erase(one.id());
}

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
    // What was sent and not taken goes out again as it was; what was taken and is not listed is done.
    for (auto& one : by.outstanding_list) {
        if (one.acknowledged || one.with != &of) continue;
        if (one.position > taken) {
            one.acknowledged = true;
            --by.unacknowledged;
            by.redeliveries.emplace(one.position, redelivery{one.from, one.delivery_count});
        } else if (!is_listed(one.position)) {
            note_read(by, *one.from, one.position);
            drop_outstanding(by, one);
        }
    }
    by.trim_outstanding();
    // After a restart the log knows less than the client: outstanding entries come back, the rest below `taken` is
    // done.
    const auto keep = [&](topic& from, const message& one, std::uint8_t count) {
        by.add_outstanding({one.position, &from, &of, one.bytes, count, false});
    };
    for (auto it = by.redeliveries.begin(); it != by.redeliveries.end() && it->first <= taken;) {
        const auto position = it->first;
        auto& from = *it->second.from;
        const auto count = static_cast<std::uint8_t>(std::max(it->second.delivery_count - 1, 1));
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
    by.prefetched.clear();
    requeue(by);
    note_cursor(by);
    pump(by);
}

} // namespace messaging::topic
