// Subscriptions: creation, settings, consumers coming and going, removal.
#include "messaging/topic/hub.hpp"

#include "messaging/topic/journal.hpp"
#include "messaging/topic/key_shares.hpp"

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
                (void)change_type(*found, request.type);
            return why == msg_link::reason::ok ? found : nullptr;
        }
    }
    if (request.type == msg_link::subscription_type::key_shared &&
        (request.name.empty() || request.durability == msg_link::durability::leased)) {
        why = msg_link::reason::bad_request; // a lease belongs to one client
        return nullptr;
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
    use_type(one, request.type);
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

void hub::log_settings(const subscription& of) {
    if (of.durability == msg_link::durability::volatile_) return;
    std::string body;
    journal::subscription_settings(body, of);
    append_journal(raw(journal::type::subscription_settings), 0, body);
}

bool hub::change_type(subscription& of, msg_link::subscription_type type) {
    if (of.type == type) return true;
    if (!of.consumers.empty()) return false;
    use_type(of, type);
    log_settings(of);
    return true;
}

void hub::set_declared(subscription& one, bool declared) {
    if (std::exchange(one.declared, declared) != declared) log_settings(one);
}

consumer* hub::attach(subscription& to, delivery_sink& sink, std::uint32_t stream, std::string_view name) {
    auto made = std::make_unique<consumer>();
    made->sink = &sink;
    made->stream = stream;
    made->of = &to;
    to.consumers.push_back(std::move(made));
    auto* one = to.consumers.back().get();
    if (to.keys) to.keys->join(*one, name.empty() ? "#" + std::to_string(next_unnamed_++) : std::string(name));
    return one;
}

/// What it had outstanding is given back; nothing is sent yet.
void hub::take_off(consumer& one) {
    auto& from = *one.of;
    for (auto& held : from.outstanding_list)
        if (!held.acknowledged && held.with == &one)
            give_back(from, held, static_cast<std::uint8_t>(std::min(held.delivery_count + 1, 255)), 0);
    from.trim_outstanding();
    if (from.keys) from.keys->leave(one);
    auto* sink = one.sink;
    std::erase_if(from.consumers, [&](const auto& at) { return at.get() == &one; });
    const bool others_there =
        std::any_of(from.consumers.begin(), from.consumers.end(), [&](const auto& at) { return at->sink == sink; });
    if (!others_there && (from.waits_for_sink || from.keys)) {
        if (std::erase(sink->waiting, &from) > 0) from.waits_for_sink = false;
    }
    from.idle_since_ms = now_ms();
    note_cursor(from);
}

void hub::detach(consumer& one) {
    auto& from = *one.of;
    take_off(one);
    if (from.durability == msg_link::durability::volatile_ && from.consumers.empty())
        remove(from, msg_link::reason::ok);
    else
        pump(from);
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
    drop_in_flight(one);
    const auto filters = std::move(one.filters);
    one.filters.clear();
    for (const auto& filter : filters) unindex_filter(one, filter.filter);
    for (const auto& with : one.consumers) std::erase(with->sink->waiting, &one);
    if (!one.name.empty()) owner.spaces[one.name_space].named.erase(one.name);
    if (auto* by = find_claim(one.claim); by != nullptr && by->subscribed == &one) by->subscribed = nullptr;
    if (one.cursor_dirty) std::erase(dirty_cursors_, &one);
    one.deleted = true;
    if (one.backlog_high) note_calm(one);
    subscriptions_.erase(one.id());
    owner.subscriptions.erase(one.id());
}

} // namespace messaging::topic
