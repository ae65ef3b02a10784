// What becomes of metadata whose batch the log refused (a full disk, a failed write): the hub's memory has it, the log
// has not. It is logged anew as it stands by then, in front of whatever is appended next, so that no later commit can
// rest on something that is missing.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"
#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
std::uint8_t raw(journal::type kind) noexcept { return static_cast<std::uint8_t>(kind); }
} // namespace

void hub::log_again(const store::batch& refused) {
    if (failed()) return; // nothing will be written any more
    for (std::uint32_t at = store::commit_entry_bytes; at < refused.size();) {
        const auto entry = refused.entry(at);
        at += entry.bytes();
        if (entry.type != store::entry_type::message) log_again(entry);
    }
    owes_ = true;
}

void hub::log_again(const store::entry_view& entry) {
    core::byte_reader read(entry.body);
    switch (static_cast<journal::type>(entry.type)) {
    case journal::type::topic_created:
    case journal::type::topic_removed: owed_.topics.insert(entry.topic); break;
    case journal::type::read_mark: {
        const auto found = numbered_.find(entry.topic);
        if (found == numbered_.end() || std::exchange(found->second->mark_dirty, true)) break;
        dirty_marks_.push_back(found->second);
        break;
    }
    case journal::type::filter_removed: {
        const auto id = read.u64();
        owed_.filters_removed.insert({id, std::string(read.text_u16())});
        break;
    }
    case journal::type::sought: {
        const auto id = read.u64();
        owed_.sought.insert(id);
        owed_.subscriptions.insert(id);
        break;
    }
    case journal::type::subscription_created:
    case journal::type::subscription_removed:
    case journal::type::subscription_settings:
    case journal::type::filter_added:
    case journal::type::cursor: owed_.subscriptions.insert(read.u64()); break;
    case journal::type::claim_made:
    case journal::type::claim_ended: owed_.claims.insert(read.u64()); break;
    case journal::type::session_ended: owed_.sessions.insert(read.u64()); break;
    case journal::type::state: {
        std::array<std::string, 3> key;
        for (auto& part : key) part = read.text_u16();
        owed_.states.insert(std::move(key));
        break;
    }
    case journal::type::producer: // the next watermark covers it
    case journal::type::tenant:
    case journal::type::counters: break;
    }
}

void hub::append_subscription(std::uint64_t id, bool sought) {
    const auto found = subscriptions_.find(id);
    std::string body;
    if (found == subscriptions_.end()) {
        journal::number(body, id);
        return append_journal(raw(journal::type::subscription_removed), 0, body);
    }
    const auto& one = *found->second;
    if (one.durability == msg_link::durability::volatile_) return;
    journal::subscription_created(body, one);
    append_journal(raw(journal::type::subscription_created), 0, body);
    for (const auto& filter : one.filters) {
        body.clear();
        journal::filter_added(body, id, filter);
        append_journal(raw(journal::type::filter_added), 0, body);
    }
    log_settings(one);
    body.clear();
    if (sought) { // a cursor alone never goes back
        journal::sought(body, id, one.read_position);
        append_journal(raw(journal::type::sought), 0, body);
        body.clear();
    }
    journal::cursor(body, one);
    append_journal(raw(journal::type::cursor), 0, body);
}

void hub::append_again() {
    owes_ = false;
    const auto owed_now = std::exchange(owed_, {});
    std::string body;
    for (const auto number : owed_now.topics) {
        body.clear();
        const auto found = numbered_.find(number);
        if (found != numbered_.end()) journal::topic_created(body, *found->second);
        append_journal(raw(found != numbered_.end() ? journal::type::topic_created : journal::type::topic_removed),
                       number, body);
    }
    for (const auto id : owed_now.subscriptions) append_subscription(id, owed_now.sought.contains(id));
    for (const auto& [id, text] : owed_now.filters_removed) {
        const auto found = subscriptions_.find(id);
        if (found == subscriptions_.end()) continue;
        const auto& has = found->second->filters;
        if (std::any_of(has.begin(), has.end(), [&](const auto& one) { return one.filter == text; })) continue;
        body.clear();
        journal::filter_removed(body, id, text);
        append_journal(raw(journal::type::filter_removed), 0, body);
    }
    for (const auto number : owed_now.claims) {
        body.clear();
        const auto* const found = find_claim(number);
        if (found != nullptr)
            journal::claim_made(body, *found);
        else
            journal::number(body, number);
        append_journal(raw(found != nullptr ? journal::type::claim_made : journal::type::claim_ended), 0, body);
    }
    // Wills follow the end of their claims in the same commit.
    for (const auto& [tenant_name, message] : owed_now.own) {
        auto* const to = find_topic(tenant_of(tenant_name), message.name_space, message.name);
        if (to != nullptr && (to->kept() || !to->edges.empty()))
            append_message(*to, nullptr, core::as_bytes(message.record));
    }
    for (const auto session : owed_now.sessions) {
        if (producers_.contains(session)) continue;
        body.clear();
        journal::number(body, session);
        append_journal(raw(journal::type::session_ended), 0, body);
    }
    for (const auto& [tenant_name, space, key] : owed_now.states) {
        const auto* const all = states(tenant_name, space);
        const auto found = all == nullptr ? decltype(all->end()){} : all->find(key);
        const bool present = all != nullptr && found != all->end();
        body.clear();
        journal::state(body, tenant_name, space, key, present,
                       present ? core::as_bytes(found->second) : core::byte_span{});
        append_journal(raw(journal::type::state), 0, body);
    }
}

/// Every tick: tries again what is owed, and messages, a second after the disk refused.
void hub::watch_disk() {
    if (disk_full_until_ms_ != 0 && now_ms() >= disk_full_until_ms_) disk_full_until_ms_ = 0;
    if (owes_ && now_ms() >= owed_after_ms_) append_again();
    const bool full = log_->reserve_reached();
    if (full == told_disk_full_) return;
    told_disk_full_ = full;
    const auto stats = log_->stats();
    if (full)
        core::log::error("disk budget used up to its reserve: messages are refused until there is space",
                         {{"disk_bytes", stats.disk_bytes}, {"live_bytes", stats.live_bytes}});
    else
        core::log::info("disk budget: messages are taken again", {{"disk_bytes", stats.disk_bytes}});
}

} // namespace messaging::topic
