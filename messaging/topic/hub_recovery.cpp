// Opening: the snapshot and the log become tenants, topics, subscriptions, claims and sessions again. Metadata ends in
// its final state first; only then is it judged which messages are still needed: a message is pending for a
// subscription if it lies behind the filter's start and either behind the read position or among the unacknowledged
// ones.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"
#include "messaging/topic/journal.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
/// After any recovery positions jump, so that a stale acknowledgement cannot hit a new message (design §7).
constexpr std::uint64_t position_jump = 1ULL << 20;
} // namespace

core::error_code hub::open(store::log_options options, store::file_system& files, store::post_function post) {
    recovering_ = true;
    base_wall_ms_ = clock_.wall_ms();
    base_steady_ = progress_told_ = clock_.now();
    auto opened = store::commit_log::open(std::move(options), files, std::move(post), *this, *this);
    if (!opened) return opened.error();
    log_ = std::move(*opened);
    finish_recovery();
    recovering_ = false;
    // Each start begins a segment: without a snapshot now, one that is killed often would read more each time.
    want_snapshot_ = !numbered_.empty();
    return {};
}

void hub::on_progress(std::uint64_t done, std::uint64_t total) {
    const auto now = clock_.now();
    if (now - progress_told_ < std::chrono::seconds(1)) return;
    progress_told_ = now;
    core::log::info("recovering", {{"bytes", done}, {"of", total}});
}

void hub::on_snapshot(core::byte_span bytes, std::uint64_t) {
    journal::snapshot_entry one;
    while (journal::next_in_snapshot(bytes, one)) replay(static_cast<std::uint8_t>(one.kind), one.topic, one.body);
    if (!bytes.empty()) core::log::error("snapshot cut", {{"bytes_left", bytes.size()}});
}

void hub::on_entry(const store::entry_view& entry, store::location where, bool covered) {
    newest_entry_ms_ = std::max(newest_entry_ms_, entry.time_ms);
    if (entry.type == store::entry_type::message)
        replay_message(entry, where);
    else if (!covered)
        replay(static_cast<std::uint8_t>(entry.type), entry.topic, entry.body);
}

void hub::replay_message(const store::entry_view& entry, store::location where) {
    message one;
    one.position = entry.position;
    one.time_ms = entry.time_ms;
    one.where = where;
    one.bytes = static_cast<std::uint32_t>(entry.body.size());
    // Topics may stand in the log behind older copies of their messages' segments: sort out at the end.
    orphan_messages_.push_back({entry.topic, one});
}

void hub::on_indexed(const store::indexed_entry& entry, store::location where) {
    newest_entry_ms_ = std::max(newest_entry_ms_, entry.time_ms);
    message one;
    one.position = entry.position;
    one.time_ms = entry.time_ms;
    one.where = where;
    one.bytes = entry.bytes - store::entry_bytes(0);
    orphan_messages_.push_back({entry.topic, one});
}

void hub::replay(std::uint8_t kind, std::uint32_t number, core::byte_span body) {
    core::byte_reader read(body);
    switch (static_cast<journal::type>(kind)) {
    case journal::type::counters:
        next_claim_ = std::max(next_claim_, read.u64());
        next_subscription_ = std::max(next_subscription_, read.u64());
        next_topic_ = std::max(next_topic_, read.u32());
        break;
    case journal::type::tenant: {
        auto& owner = tenant_of(read.text_u16());
        owner.position = std::max(owner.position, read.u64());
        break;
    }
    case journal::type::topic_created: {
        auto& owner = tenant_of(read.text_u16());
        const auto space = read.text_u16();
        const auto name = read.text_u16();
        next_topic_ = std::max(next_topic_, number + 1);
        if (!read.ok()) break;
        auto* one = find_topic(owner, space, name);
        if (one == nullptr) one = &make_topic(owner, space, name);
        one->number = number;
        numbered_[number] = one;
        break;
    }
    case journal::type::read_mark:
        if (const auto found = numbered_.find(number); found != numbered_.end())
            found->second->read_mark = std::max(found->second->read_mark, read.u64());
        break;
    case journal::type::topic_removed:
        if (const auto found = numbered_.find(number); found != numbered_.end()) {
            found->second->number = 0; // its messages were all done; the topic itself goes with the next sweep
            numbered_.erase(found);
        }
        break;
    case journal::type::subscription_created: {
        const auto id = read.u64();
        auto& owner = tenant_of(read.text_u16());
        auto made = std::make_unique<subscription>(owner, id);
        made->name_space = read.text_u16();
        made->name = read.text_u16();
        const auto type = static_cast<msg_link::subscription_type>(read.u8());
        made->durability = static_cast<msg_link::durability>(read.u8());
        made->claim = read.u64();
        made->session = read.u64();
        made->stream = read.u32();
        made->read_position = read.u64();
        next_subscription_ = std::max(next_subscription_, id + 1);
        if (!read.ok() || subscriptions_.contains(id)) break;
        use_type(*made, type);
        if (!made->name.empty()) owner.spaces[made->name_space].named[made->name] = made.get();
        if (auto* by = find_claim(made->claim)) by->subscribed = made.get();
        subscriptions_.emplace(id, made.get());
        owner.subscriptions.emplace(id, std::move(made));
        break;
    }
    case journal::type::subscription_removed:
        if (const auto found = subscriptions_.find(read.u64()); found != subscriptions_.end()) destroy(*found->second);
        break;
    case journal::type::filter_added: {
        const auto found = subscriptions_.find(read.u64());
        subscribed_filter filter;
        filter.start = read.u64();
        filter.qos = read.u8();
        filter.filter = read.text_u16();
        if (!read.ok() || found == subscriptions_.end()) break;
        auto& to = *found->second;
        const auto same = std::find_if(to.filters.begin(), to.filters.end(),
                                       [&](const auto& one) { return one.filter == filter.filter; });
        if (same != to.filters.end()) {
            same->qos = filter.qos;
            break;
        }
        if (filter.start == 0) to.read_position = std::min(to.read_position, filter.start);
        to.filters.push_back(filter);
        index_filter(to, filter);
        break;
    }
    case journal::type::filter_removed: {
        const auto found = subscriptions_.find(read.u64());
        const auto text = read.text_u16();
        if (!read.ok() || found == subscriptions_.end()) break;
        auto& from = *found->second;
        std::erase_if(from.filters, [&](const auto& one) { return one.filter == text; });
        unindex_filter(from, text);
        break;
    }
    case journal::type::cursor: {
        const auto found = subscriptions_.find(read.u64());
        const auto position = read.u64();
        const auto count = read.u16();
        if (!read.ok() || found == subscriptions_.end()) break;
        auto& of = *found->second;
        of.read_position = std::max(of.read_position, position);
        of.redeliveries.clear();
        for (std::size_t i = 0; i < count; ++i) {
            const auto unacknowledged = read.u64();
            const auto delivered = read.u8();
            if (!read.ok()) continue;
            const auto next = static_cast<std::uint8_t>(std::min(delivered + 1, 255));
            of.redeliveries.emplace(unacknowledged, redelivery{nullptr, 0, 0, next, true, true});
        }
        break;
    }
    case journal::type::subscription_settings: {
        const auto found = subscriptions_.find(read.u64());
        const auto now_type = static_cast<msg_link::subscription_type>(read.u8());
        const auto flags = read.u8();
        const auto most = read.u16();
        if (!read.ok() || found == subscriptions_.end()) break;
        use_type(*found->second, now_type);
        found->second->declared = (flags & 1) != 0;
        found->second->max_deliveries = most;
        break;
    }
    case journal::type::sought: {
        const auto found = subscriptions_.find(read.u64());
        const auto behind = read.u64();
        if (!read.ok() || found == subscriptions_.end()) break;
        auto& of = *found->second;
        of.read_position = behind;
        of.redeliveries.clear();
        for (auto& filter : of.filters) filter.start = std::min(filter.start, behind);
        break;
    }
    case journal::type::claim_made: {
        auto made = std::make_unique<claim>();
        made->number = read.u64();
        made->session = read.u64();
        made->sequence = read.u64();
        const auto flags = read.u8();
        made->owner = &tenant_of(read.text_u16());
        made->client_id = read.text_u16();
        made->fail_after_refusal = (flags & 2) != 0;
        if ((flags & 1) != 0) {
            will due;
            due.name_space = read.text_u16();
            due.name = read.text_u16();
            due.record = core::as_text(read.bytes(read.u32()));
            made->owner->will_bytes += due.record.size();
            made->due = std::move(due);
        }
        next_claim_ = std::max(next_claim_, made->number + 1);
        if (!read.ok()) break;
        const auto number_made = made->number;
        claimed_clients_[{made->owner->name, made->client_id}] = made.get();
        claims_[number_made] = std::move(made);
        break;
    }
    case journal::type::claim_ended:
        if (const auto found = claims_.find(read.u64()); found != claims_.end()) {
            auto& ending = *found->second;
            if (ending.due) ending.owner->will_bytes -= ending.due->record.size();
            const auto client = claimed_clients_.find({ending.owner->name, ending.client_id});
            if (client != claimed_clients_.end() && client->second == &ending) claimed_clients_.erase(client);
            claims_.erase(found);
        }
        break;
    case journal::type::producer: {
        const auto session = read.u64();
        auto& known = producers_[session];
        known.producer = read.u64();
        known.settled = std::max(known.settled, read.u64());
        const auto count = read.u16();
        for (std::size_t i = 0; i < count && read.ok(); ++i) {
            msg_link::run one;
            one.first = read.u64();
            one.length = read.u32();
            one.why = static_cast<msg_link::reason>(read.u8());
            if (read.ok()) known.runs.push_back(one);
        }
        constexpr std::size_t runs_kept = 4'096;
        if (known.runs.size() > 2 * runs_kept)
            known.runs.erase(known.runs.begin(), known.runs.end() - static_cast<std::ptrdiff_t>(runs_kept));
        break;
    }
    case journal::type::session_ended: producers_.erase(read.u64()); break;
    case journal::type::state: {
        auto& owner = tenant_of(read.text_u16());
        auto& states = owner.spaces[std::string(read.text_u16())].state;
        const auto key = read.text_u16();
        const bool present = read.u8() != 0;
        const auto value = read.text(read.u32());
        if (!read.ok()) break;
        if (const auto found = states.find(key); found != states.end()) {
            owner.state_bytes -= found->first.size() + found->second.size();
            states.erase(found);
        }
        if (!present) break;
        owner.state_bytes += key.size() + value.size();
        states.emplace(std::string(key), std::string(value));
        break;
    }
    }
}

void hub::finish_recovery() {
    // The log clock never goes behind what it wrote.
    base_wall_ms_ = std::max(base_wall_ms_, newest_entry_ms_);
    std::sort(orphan_messages_.begin(), orphan_messages_.end(), [](const auto& a, const auto& b) {
        if (a.topic != b.topic) return a.topic < b.topic;
        return a.what.position != b.what.position ? a.what.position < b.what.position : a.what.where < b.what.where;
    });
    for (std::size_t i = 0; i < orphan_messages_.size(); ++i) {
        const auto& [number, one] = orphan_messages_[i];
        const auto found = numbered_.find(number);
        // Copied forward and not recycled yet: the newest place counts.
        const bool copied = i + 1 < orphan_messages_.size() && orphan_messages_[i + 1].topic == number &&
                            orphan_messages_[i + 1].what.position == one.position;
        if (found == numbered_.end() || copied) {
            log_->retire(one.where, store::entry_bytes(one.bytes));
            continue;
        }
        auto& to = *found->second;
        auto& owner = to.owner();
        owner.position = std::max(owner.position, one.position);
        to.messages.push_back(one);
        count_bytes(to, one.bytes);
    }
    orphan_messages_.clear();
    orphan_messages_.shrink_to_fit();
    // Positions may have been given out that nothing in the log tells of; a subscription made then begins behind them.
    for (const auto& [id, one] : subscriptions_) {
        auto& given = one->owner().position;
        given = std::max(given, one->read_position);
        for (const auto& filter : one->filters) given = std::max(given, filter.start);
    }
    for (auto& [name, owner] : tenants_) {
        for (auto& [space_name, space] : owner->spaces) {
            // Filters without wildcard keep their topic alive and counted, as they did before.
            for (const auto& [filter, by] : space.exact)
                if (!by.empty() && !space.topics.contains(filter)) make_topic(*owner, space_name, filter);
            for (auto& [topic_name, one] : space.topics) {
                connect_new_topic(*one);
                for (auto& message : one->messages) {
                    for (const auto& at : one->edges) {
                        auto& by = *at->by;
                        // What was read was wanted, whatever the filters that are left began with.
                        const auto again = by.redeliveries.find(message.position);
                        if (message.position > std::max(at->start, by.read_position)) {
                            ++message.pending;
                            by.held_bytes += message.bytes;
                        } else if (again != by.redeliveries.end()) {
                            ++message.pending;
                            by.held_bytes += message.bytes;
                            again->second.from = one.get();
                            again->second.bytes = message.bytes;
                            ++one->references;
                        }
                    }
                    message.pending += one->kept() ? 1 : 0;
                    if (message.pending == 0) retire(*one, message);
                }
                one->trim();
                if (one->kept()) trim_kept(*one); // what its bound had dropped is in the log as long as its segment
            }
        }
        owner->position += position_jump;
    }
    for (auto& [id, one] : subscriptions_) {
        std::erase_if(one->redeliveries, [](const auto& at) { return at.second.from == nullptr; });
        if (auto* by = find_claim(one->claim)) by->subscribed = one;
        one->idle_since_ms = now_ms();
        one->awaits_resume = one->session != 0;
        one->keys.reset();
        use_type(*one, one->type); // whose messages wait for their keys
        requeue(*one);
    }
    std::size_t live = 0;
    for (const auto& [number, one] : numbered_) live += one->messages.size();
    core::log::info("store recovered", {{"tenants", tenants_.size()},
                                        {"topics", numbered_.size()},
                                        {"subscriptions", subscriptions_.size()},
                                        {"claims", claims_.size()},
                                        {"messages", live}});
}

} // namespace messaging::topic
