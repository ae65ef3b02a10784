// After a crash: the hub must hold one of the states that the oracle allows. Which one, the oracle then takes over.
#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"
#include "tests/property/messaging/hub_run_parts.hpp"

namespace property {

void hub_run::reopen() {
    auto& files = world_.files;
    if (!flips_ && !last_ && one_in(3)) {
        files.freeze_after(pick(24)); // dies while it recovers
        frozen_ = true;
    }
    auto error = world_.open();
    if (error && frozen_) {
        world_.end(false);
        if (world_.options.mode == messaging::store::durability::fsync && one_in(2))
            files.power_cut(random_);
        else
            files.kill();
        frozen_ = false;
        error = world_.open();
    }
    if (error) return complain("does not open: " + error.message());
    if (!flipped_ && hub().log().report().damaged_places != 0) return complain("calls a crash corruption");
    trace("opened");
    refused_commits_ = 0;
    loose_ = false;
    for (auto& [name, one] : subscriptions_) {
        one.consumers.clear();
        one.paused_until_ms = 0;
    }
    streams_.clear();
    for (auto& one : sinks_) one = std::make_unique<sink>(*this, one->index);
    hub().register_session(claims_session, *holder_);
    if (flipped_) return check_damaged();
    may_refuse_ = true; // a freeze may be on
    expire(true);
    hub().tick();
    hub().tick();
    resolve();
    if (complaint_.empty()) check_bytes();
}

/// It was promised.
bool hub_run::must_exist(const message_model& one) const {
    if (one.is == message_model::fate::stored) return true;
    return one.is == message_model::fate::flying && one.version <= durable_;
}

std::map<std::uint64_t, const messaging::topic::message*> hub_run::present(std::size_t tenant) {
    std::map<std::uint64_t, const messaging::topic::message*> found;
    const auto owner = hub().tenants().find(tenant_name(tenant));
    if (owner == hub().tenants().end()) return found;
    for (const auto& [space, in] : owner->second->spaces)
        for (const auto& [name, topic] : in.topics)
            for (const auto& one : topic->messages)
                if (one.pending > 0 && !topic->kept()) found[one.position] = &one;
    return found;
}

std::string hub_run::record_at(const messaging::topic::message& one) {
    std::string out;
    hub().fetch({{one.where, messaging::store::entry_bytes(one.bytes)}}, [&](const auto& read) {
        if (!read->entries.front().error) out = core::as_text(read->entries.front().entry.body);
    });
    if (!world_.quiet()) complain("a read never came back");
    return out;
}

/// A will that was published again after its batch had been refused.
void hub_run::adopt_will(message_model& what, std::uint64_t position) {
    what.position = position;
    what.time_ms = now();
    what.is = message_model::fate::stored;
    by_position_[what.tenant][position] = what.id;
    for (auto& [name, by] : subscriptions_) {
        if (by.tenant != what.tenant || !by.present.now() || !matches(by, what.topic)) continue;
        auto& one = by.needs.try_emplace(what.id, false).first->second;
        one.wanted.resolve(true);
        one.at = need::place::unsent;
    }
}

/// Messages that lie among the subscription's dead letters.
std::set<std::uint64_t> hub_run::letters_of(const subscription_model& one) {
    std::set<std::uint64_t> found;
    const auto owner = hub().tenants().find(tenant_name(one.tenant));
    if (owner == hub().tenants().end()) return found;
    const auto space = owner->second->spaces.find("mqtt");
    if (space == owner->second->spaces.end()) return found;
    const auto topic = space->second.topics.find(std::string(record::dead_letter_prefix) + one.name);
    if (topic == space->second.topics.end()) return found;
    std::vector<std::uint64_t> positions;
    for (const auto& each : topic->second->messages) positions.push_back(each.position);
    for (const auto position : positions) // a copy may move them meanwhile
        if (const auto* each = topic->second->find(position))
            found.insert(message_id(core::as_bytes(record_at(*each))));
    return found;
}

void hub_run::identify_unknown() {
    for (std::size_t tenant = 0; tenant < tenants; ++tenant) {
        for (const auto& [position, one] : present(tenant)) {
            if (by_position_[tenant].contains(position)) continue;
            const auto found = messages_.find(message_id(core::as_bytes(record_at(*one))));
            if (found == messages_.end() || found->second.position != 0 || found->second.tenant != tenant)
                return complain("holds what nobody published, at " + std::to_string(position));
            adopt_will(found->second, position);
        }
    }
}

/// Messages of which it is not known whether they were stored, but that somebody needs without doubt if they were.
void hub_run::find_certain() {
    certain_.clear();
    for (const auto& [name, by] : subscriptions_) {
        if (by.present.allows(false, durable_)) continue;
        for (const auto& [id, each] : by.needs) {
            const auto& what = messages_.at(id);
            if (what.is != message_model::fate::flying || what.version == 0 || each.wanted.allows(false, durable_))
                continue;
            for (const auto& [filter, model] : by.filters)
                if (!model.present.allows(false, durable_) && record::filter_matches(filter, what.topic))
                    certain_.insert(id);
        }
    }
}

void hub_run::resolve() {
    identify_unknown();
    find_certain();
    for (auto& [name, one] : subscriptions_)
        if (complaint_.empty()) resolve_subscription(one);
    for (std::size_t tenant = 0; tenant < tenants && complaint_.empty(); ++tenant) {
        const auto owner = hub().tenants().find(tenant_name(tenant));
        if (owner == hub().tenants().end()) continue;
        for (const auto& [id, one] : owner->second->subscriptions)
            if (!subscriptions_.contains(one->name)) complain("a subscription nobody made");
    }
    if (complaint_.empty()) resolve_sources();
    if (complaint_.empty()) resolve_states();
    if (complaint_.empty()) resolve_claims();
    // From here on all of it is as it is.
    std::set<std::uint64_t> needed;
    for (auto& [name, one] : subscriptions_)
        for (const auto& [id, each] : one.needs)
            if (each.wanted.now()) needed.insert(id);
    for (auto& [id, one] : messages_) {
        if (one.is == message_model::fate::gone) continue;
        one.is = needed.contains(id) ? message_model::fate::stored : message_model::fate::gone;
    }
    version_ = durable_ = version_ + 1;
    tidy();
}

void hub_run::resolve_subscription(subscription_model& one) {
    auto* const there = real(one);
    if (!one.present.allows(there != nullptr, durable_))
        return complain("subscription " + one.name + (there != nullptr ? " came back" : " is lost"));
    one.present.resolve(there != nullptr);
    if (there == nullptr) return one.needs.clear();
    if (!one.type.allows(there->type, durable_) && !(there->type == one.type.now()))
        return complain("subscription " + one.name + " has a type it never had");
    one.type.resolve(there->type);
    if (there->max_deliveries != one.max_deliveries) {
        if (one.settings_version <= durable_) return complain("subscription " + one.name + " lost its settings");
        one.max_deliveries = there->max_deliveries;
    }
    one.settings_version = 0;
    for (auto& [filter, model] : one.filters) {
        const bool has = std::any_of(there->filters.begin(), there->filters.end(),
                                     [&](const auto& at) { return at.filter == filter; });
        if (!model.present.allows(has, durable_))
            return complain("filter " + filter + " of " + one.name + (has ? " came back" : " is lost"));
        model.present.resolve(has);
    }
    for (const auto& at : there->filters)
        if (!one.filters.contains(at.filter)) return complain("a filter nobody added");
    resolve_needs(one, *there);
}

/// A subscription that reached back gets what the log still holds, also what nobody needed any more when it did.
void hub_run::adopt_old(subscription_model& one, std::uint64_t position) {
    const auto at = by_position_[one.tenant].find(position);
    const auto found = at == by_position_[one.tenant].end() ? messages_.end() : messages_.find(at->second);
    if (!one.reached_back || found == messages_.end() || found->second.position != position ||
        found->second.is == message_model::fate::refused || !matches(one, found->second.topic))
        return complain("subscription " + one.name + " needs what it should not, at " + std::to_string(position));
    found->second.is = message_model::fate::stored;
    one.needs.insert_or_assign(found->first, need(true));
}

void hub_run::resolve_needs(subscription_model& one, messaging::topic::subscription& by) {
    std::map<std::uint64_t, int> held; ///< by position: the next delivery's count
    for (const auto* at : by.edges)
        for (const auto& message : at->to->messages)
            if (message.pending > 0 && message.position > std::max(at->start, by.read_position))
                held[message.position] = 0;
    for (const auto& [position, again] : by.redeliveries) {
        const auto* const there = again.from->find(position);
        if (there != nullptr && there->pending > 0) held[position] = again.delivery_count;
    }
    for (const auto& [position, count] : held)
        trace(one.name + " holds " + std::to_string(position) + " count " + std::to_string(count));
    const auto letters = one.max_deliveries == 0 ? std::set<std::uint64_t>() : letters_of(one);
    for (const auto id : letters) trace(one.name + " has the letter " + std::to_string(id));
    for (const auto& [id, at] : one.letters)
        if (at <= durable_ && !letters.contains(id)) return complain("a dead letter is lost");
    for (auto& [id, each] : one.needs) {
        auto& what = messages_.at(id);
        const auto found = held.find(what.position);
        const bool there = what.position != 0 && found != held.end();
        const bool buried = letters.contains(id);
        const bool free = !there && (buried || !must_exist(what));
        // Filters gone, read messages of theirs go with a restart.
        const bool unfiltered = !there && !matches(one, what.topic);
        // Who reached back gets what the log still holds, also what it had been done with before.
        const bool old = there && one.reached_back && what.is != message_model::fate::refused;
        const bool allowed = free || unfiltered || old || each.wanted.allows(there, durable_);
        if (!allowed && what.is != message_model::fate::gone) {
            const auto at = " (message " + std::to_string(id) + ", subscription " + one.name + ")";
            return complain(there ? "came back after it was acknowledged or removed" + at : "lost" + at);
        }
        each.wanted.resolve(there);
        each.at = there ? need::place::unsent : need::place::done;
        if (there && found->second != 0) each.at = need::place::back;
        each.count = there && found->second != 0 ? found->second : 1;
        each.due_ms = 0;
        if (there) held.erase(found);
    }
    for (const auto& [position, count] : held) adopt_old(one, position);
}

bool hub_run::alive_after_restart(std::uint64_t id) const {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& at) {
        const auto found = at.second.needs.find(id);
        return found != at.second.needs.end() && found->second.wanted.now();
    });
}

} // namespace property
