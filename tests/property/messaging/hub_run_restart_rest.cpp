// After a crash: publishers, keyed state, claims; and what damage may cost.
#include "tests/property/messaging/hub_run_parts.hpp"

namespace property {

/// A publisher's messages are there up to one and not behind it; the watermark says which one: what the publisher sends
/// again is no repeat and closes no gap.
void hub_run::resolve_source(source& old, source& fresh) {
    const auto* const known = old.producer == 0 ? nullptr : hub().find_producer(old.session_number());
    const auto settled = known == nullptr ? 0 : known->settled;
    std::set<std::uint64_t> refused;
    if (known != nullptr)
        for (const auto& one : known->runs)
            for (std::uint64_t i = 0; i < one.length; ++i) refused.insert(one.first + i);
    if (settled > old.received) return complain("a watermark of what was never sent");
    std::set<std::string> missing;
    for (const auto& [sequence, id] : old.sent) {
        const auto found = messages_.find(id);
        if (found == messages_.end() || sequence <= old.told) continue;
        const auto at = " (message " + std::to_string(id) + ")";
        const bool there = alive_after_restart(id);
        const bool gap = certain_.contains(id) && !there;
        if (there && missing.contains(found->second.topic)) return complain("stored, and an earlier one is not" + at);
        if (gap) missing.insert(found->second.topic);
        if (old.producer == 0) continue;
        if (there && sequence > settled) return complain("stored behind the watermark" + at);
        if (gap && sequence <= settled && !refused.contains(sequence))
            return complain("the watermark covers what is not stored" + at);
    }
    // What the publisher was told it does not send again, whatever the log knows of it.
    fresh.received = fresh.settled = fresh.told = std::max(settled, old.told);
}

void hub_run::resolve_sources() {
    for (auto& old : sources_) {
        auto fresh = std::make_unique<source>(*this, old->index);
        fresh->producer = old->producer;
        resolve_source(*old, *fresh);
        old = std::move(fresh);
    }
}

void hub_run::resolve_states() {
    for (auto& [key, value] : states_) {
        const auto* const all = hub().states(tenant_name(key.first), "mqtt");
        std::optional<std::string> there;
        if (all != nullptr)
            if (const auto found = all->find(key.second); found != all->end()) there = found->second;
        if (!value.allows(there, durable_)) return complain("state " + key.second + " has a value it should not");
        value.resolve(there);
    }
}

void hub_run::resolve_claims() {
    holder_->asked.clear();
    std::map<std::string, const messaging::topic::claim*> there;
    for (const auto* one : hub().claims_of(claims_session))
        if (!there.emplace(one->client_id, one).second) return complain("two claims of one client");
    for (auto& [client, one] : claims_by_client_) {
        const auto found = there.find(client);
        if (!one.present.allows(found != there.end(), durable_))
            return complain("claim of " + client + (found == there.end() ? " is lost" : " came back"));
        one.present.resolve(found != there.end());
        one.number = 0;
        one.will_id = 0;
        if (found == there.end()) continue;
        one.number = found->second->number;
        if (!found->second->due) continue;
        one.will_id = message_id(core::as_bytes(found->second->due->record));
        const auto message = messages_.find(one.will_id);
        if (message != messages_.end() && alive_after_restart(one.will_id))
            return complain("a will is stored although its claim lives");
        if (message != messages_.end()) {
            for (auto& [name, by] : subscriptions_) by.needs.erase(one.will_id);
            messages_.erase(message);
        }
    }
}

void hub_run::flip_bits() {
    auto& files = world_.files;
    const auto names = files.list();
    std::vector<std::string> there;
    for (const auto& name : *names)
        if (!files.content(name).empty()) there.push_back(name);
    for (auto left = 1 + pick(4); left > 0 && !there.empty(); --left) {
        const auto& name = there[pick(there.size())];
        files.flip(name, pick(files.content(name).size()), static_cast<unsigned char>(1U << pick(8)));
    }
    flipped_ = true;
}

/// Damage may cost messages and more; it is reported, and what comes is as it was published (`on_delivered`).
void hub_run::check_damaged() {
    const auto& report = hub().log().report();
    const bool reported = report.damaged_places != 0 || report.older_snapshot_used || report.footers_missing != 0 ||
                          report.tail_bytes_cut != 0 || !report.damaged_files.empty();
    bool lost = false;
    for (auto& [name, one] : subscriptions_) {
        const auto* const there = real(one);
        lost = lost || (one.present.now() && there == nullptr);
        one.present.resolve(there != nullptr);
        one.max_deliveries = 0;
        if (there == nullptr) continue;
        const auto held = present(one.tenant);
        for (const auto& [id, each] : one.needs) {
            const auto& what = messages_.at(id);
            if (each.wanted.now() && what.is == message_model::fate::stored && !held.contains(what.position))
                lost = true;
        }
    }
    if (lost && !reported) complain("something is lost and no damage reported");
}

} // namespace property
