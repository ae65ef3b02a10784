// What must hold while the process lives: each delivery, and the sums after each operation.
#include "common/record/record.hpp"
#include "tests/property/messaging/hub_run_parts.hpp"

#include <cstdlib>

namespace property {

namespace {
constexpr std::int64_t late_ms = 300; // things due are looked at every 100 ms
} // namespace

std::uint64_t message_id(core::byte_span record) {
    const auto fields = record::parse(record);
    return fields ? std::strtoull(std::string(fields->payload.substr(0, 20)).c_str(), nullptr, 10) : 0;
}

bool hub_run::alive(const message_model& one) const {
    if (one.is == message_model::fate::flying) return true;
    if (one.is != message_model::fate::stored) return false;
    return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& at) {
        const auto found = at.second.needs.find(one.id);
        return found != at.second.needs.end() && found->second.wanted.now();
    });
}

void hub_run::on_delivered(std::uint32_t marked_stream, const messaging::topic::topic& from, std::uint64_t position,
                           int count, core::byte_span record) {
    const auto stream = marked_stream & ~msg_link::must_acknowledge;
    const auto name = streams_.find(stream);
    if (name == streams_.end()) return complain("a delivery to a stream that has ended");
    auto& by = subscriptions_.at(name->second);
    const auto id = message_id(record);
    const auto found = messages_.find(id);
    const auto at = " (message " + std::to_string(id) + ", subscription " + by.name + ")";
    trace("delivered " + std::to_string(id) + " to " + by.name + " stream " + std::to_string(stream) + " count " +
          std::to_string(count));
    if (found == messages_.end()) return complain("delivered what is unknown, or gone for good" + at);
    auto& what = found->second;
    if (core::as_text(record) != what.record) return complain("delivered other bytes" + at);
    if (flipped_) return; // only the bytes count
    if (what.tenant != by.tenant || from.owner().name != tenant_name(by.tenant))
        return complain("delivered to another tenant" + at);
    if (from.name() != what.topic) return complain("delivered from another topic" + at);
    if (what.position == 0 && loose_) adopt_will(what, position);
    if (what.position != position) return complain("delivered at another position" + at);
    if (what.is == message_model::fate::refused) return complain("delivered what was refused" + at);
    if (what.time_ms + world_.limits.ttl.count() <= now()) return complain("delivered after its time" + at);
    if (what.is == message_model::fate::flying) what.is = message_model::fate::stored;
    const auto wanted = by.needs.find(id);
    if (wanted == by.needs.end() || !wanted->second.wanted.now()) return complain("delivered what nobody needs" + at);
    auto& one = wanted->second;
    if (one.at == need::place::outstanding) return complain("delivered while it is outstanding" + at);
    if (one.count != 0 && count != one.count)
        complain("delivery count " + std::to_string(count) + ", not " + std::to_string(one.count) + at);
    if (one.due_ms > now() && by.type.now() == type::shared) return complain("delivered before its delay" + at);
    if (by.paused_until_ms > now() && by.rewinds()) return complain("delivered while the subscription waits" + at);
    if (by.max_deliveries != 0 && count > by.max_deliveries && !hub().failed())
        return complain("delivered more often than allowed" + at);
    check_order(by, one, what, stream);
    const auto with =
        std::find_if(by.consumers.begin(), by.consumers.end(), [&](const auto& each) { return each.stream == stream; });
    if (++with->used > with->credit) complain("delivered without credit" + at);
    one.stream = stream;
    one.count = count;
    one.due_ms = 0;
    one.at = need::place::outstanding;
    // A cursor does not say what had QoS 0: after a restart such a message may have to be acknowledged, too.
    if (marked_stream != stream) return;
    if (what.qos > 0) return complain("delivered as if nobody had to acknowledge it" + at);
    one.at = need::place::done; // given once, and that is all
    one.wanted.set(unwritten, false);
}

/// Nothing of the same topic (and key) that could go is before it.
void hub_run::check_order(const subscription_model& by, const need& wanted, const message_model& what,
                          std::uint32_t stream) {
    const bool by_keys = by.type.now() == type::key_shared;
    if (by_keys && what.key.empty()) return;
    if (by.type.now() == type::shared && wanted.at != need::place::unsent) return;
    for (const auto& [id, one] : by.needs) {
        const auto& other = messages_.at(id);
        if (!one.wanted.now() || &one == &wanted) continue;
        if (by_keys ? other.key != what.key : other.topic != what.topic) continue;
        if (by_keys && one.at == need::place::outstanding && one.stream != stream)
            return complain("two consumers have key " + what.key + " of " + by.name);
        if (other.position >= what.position) continue;
        if (other.time_ms + world_.limits.ttl.count() <= now()) continue; // its time is over, whoever has noticed
        if (one.at == need::place::outstanding || one.at == need::place::done) continue;
        if (by.max_deliveries != 0 && one.count > by.max_deliveries) continue; // on its way to the dead letters
        if (one.due_ms + late_ms > now() && !by_keys) continue;
        if (by.type.now() == type::shared && one.at == need::place::back) continue;
        return complain("message " + std::to_string(what.id) + " overtakes " + std::to_string(id) + " in " + by.name);
    }
}

void hub_run::expire(bool flying) {
    for (auto& [id, one] : messages_) {
        const bool counts = one.is == message_model::fate::stored || (flying && one.is != message_model::fate::gone);
        if (!counts || one.time_ms + world_.limits.ttl.count() > now()) continue;
        trace("expired " + std::to_string(id));
        one.is = message_model::fate::gone;
        for (auto& [name, by] : subscriptions_) {
            const auto found = by.needs.find(id);
            if (found == by.needs.end()) continue;
            found->second.wanted.resolve(false);
            if (found->second.at != need::place::outstanding) found->second.at = need::place::done;
        }
    }
}

/// What went to the dead letters: nobody tells, but the subscription has it no longer.
void hub_run::note_buried() {
    for (auto& [name, by] : subscriptions_) {
        if (!by.present.now() || by.max_deliveries == 0) continue;
        const auto& there = *real(by);
        for (auto& [id, one] : by.needs) {
            if (one.at != need::place::back || !one.wanted.now() || one.count <= by.max_deliveries) continue;
            if (messages_.at(id).time_ms + world_.limits.ttl.count() <= now()) continue; // gone for another reason
            const auto position = messages_.at(id).position;
            bool held = there.redeliveries.contains(position);
            if (there.aside) {
                held = held || there.aside->dying.contains(position);
                for (const auto& [due, waiting] : there.aside->delayed) held = held || waiting.first == position;
            }
            if (held) continue;
            one.wanted.set(version(), false);
            one.at = need::place::done;
            trace("buried " + std::to_string(id) + " of " + by.name);
            by.letters[id] = version_;
        }
    }
}

void hub_run::check_bytes() {
    if (loose_ || flipped_) return;
    for (std::size_t tenant = 0; tenant < tenants; ++tenant) {
        const auto owner = hub().tenants().find(tenant_name(tenant));
        if (owner == hub().tenants().end()) continue;
        std::map<std::string, std::uint64_t> expected;
        std::uint64_t sum = 0;
        for (const auto& [id, one] : messages_) {
            if (one.tenant != tenant || !alive(one)) continue;
            expected[one.topic] += one.bytes();
            sum += one.bytes();
        }
        const auto space = owner->second->spaces.find("mqtt");
        for (const auto* name : topics) {
            std::uint64_t there = 0;
            if (space != owner->second->spaces.end())
                if (const auto found = space->second.topics.find(std::string_view(name));
                    found != space->second.topics.end())
                    there = found->second->backlog_bytes;
            if (there != expected[name])
                return complain("backlog of " + owner->first + "/" + name + " is " + std::to_string(there) + ", not " +
                                std::to_string(expected[name]));
        }
        if (owner->second->backlog_bytes != sum) return complain("backlog of tenant " + owner->first);
    }
}

/// With the disk quiet, credit everywhere and nothing that waits, everything needed is with somebody.
void hub_run::check_progress() {
    if (hub().failed() || loose_ || flipped_ || now() < calm_after_ms_) return;
    for (const auto& [name, by] : subscriptions_) {
        if (!by.present.now() || by.consumers.empty() || by.paused_until_ms + late_ms > now()) continue;
        const bool all_open = std::all_of(by.consumers.begin(), by.consumers.end(), [&](const auto& with) {
            return with.used < with.credit && sinks_[with.sink]->open;
        });
        if (!all_open) continue;
        std::set<std::string> busy_keys;
        const bool by_keys = by.type.now() == type::key_shared;
        for (const auto& [id, one] : by.needs)
            if (by_keys && (one.at == need::place::outstanding || one.due_ms + late_ms > now()))
                busy_keys.insert(messages_.at(id).key);
        for (const auto& [id, one] : by.needs) {
            if (!one.wanted.now() || one.at == need::place::outstanding || one.at == need::place::done) continue;
            if (one.due_ms != 0 && one.due_ms + late_ms > now()) continue;
            if (by.max_deliveries != 0 && one.count > by.max_deliveries) continue;
            const auto& what = messages_.at(id);
            if (what.is != message_model::fate::stored) continue;
            if (by_keys && !what.key.empty() && busy_keys.contains(what.key)) continue;
            return complain("message " + std::to_string(id) + " is not delivered to " + name);
        }
    }
}

/// Forgets what no state after any crash can hold.
void hub_run::tidy() {
    if (flips_) return; // damage may bring back anything
    for (auto& [name, by] : subscriptions_) {
        std::erase_if(by.needs, [&](const auto& at) {
            return at.second.at != need::place::outstanding && !at.second.wanted.allows(true, durable_);
        });
    }
    for (auto& by : sources_) std::erase_if(by->sent, [&](const auto& at) { return at.first <= by->told; });
}

} // namespace property
