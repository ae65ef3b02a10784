// Claims, sessions and keyed state.
#include "messaging/topic/hub.hpp"

#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
std::uint8_t raw(journal::type kind) noexcept { return static_cast<std::uint8_t>(kind); }
/// Room that a claim's end and its will need in one commit, headers included.
std::size_t together(const claim& ending) noexcept { return 512 + (ending.due ? ending.due->record.size() : 0); }
} // namespace

claim* hub::find_claim(std::uint64_t number) noexcept {
    const auto found = claims_.find(number);
    return found == claims_.end() ? nullptr : found->second.get();
}

void hub::make_claim(claim_holder& holder, std::uint64_t session, std::uint64_t sequence,
                     const msg_link::claim& request) {
    auto& owner = tenant_of(request.tenant);
    const auto will_bytes = request.will_record.size();
    if (will_bytes > owner.quota.record_bytes || owner.will_bytes + will_bytes > owner.quota.will_bytes_per_tenant) {
        holder.on_claimed(sequence, 0, msg_link::reason::too_large);
        return;
    }
    if (const auto before = claimed_clients_.find({owner.name, std::string(request.client_id)});
        before != claimed_clients_.end()) {
        auto& old = *before->second;
        const auto old_number = old.number;
        const auto old_session = sessions_.find(old.session);
        end_claim(old_number, true);
        if (old_session != sessions_.end()) old_session->second->on_evicted(old_number, msg_link::reason::superseded);
    }
    auto made = std::make_unique<claim>();
    made->number = next_claim_++;
    made->session = session;
    made->sequence = sequence;
    made->owner = &owner;
    made->client_id = request.client_id;
    made->fail_after_refusal = request.fail_after_refusal;
    if (request.has_will) {
        made->due = will{std::string(request.will_name_space), std::string(request.will_name),
                         std::string(core::as_text(request.will_record))};
        owner.will_bytes += will_bytes;
    }
    std::string body;
    journal::claim_made(body, *made);
    append_journal(raw(journal::type::claim_made), 0, body);
    const auto number = made->number;
    claimed_clients_.emplace(std::pair{owner.name, made->client_id}, made.get());
    claims_.emplace(number, std::move(made));
    when_durable([this, session, sequence, number](core::error_code error) {
        const auto found = sessions_.find(session);
        if (found == sessions_.end()) return;
        if (error) {
            end_claim(number, false);
            found->second->on_claimed(sequence, 0, msg_link::reason::store_failed);
        } else if (find_claim(number) == nullptr) { // a newer one of this client came before the commit
            found->second->on_claimed(sequence, 0, msg_link::reason::superseded);
        } else {
            found->second->on_claimed(sequence, number, msg_link::reason::ok);
        }
    });
}

void hub::end_claim(std::uint64_t number, bool publish) {
    const auto found = claims_.find(number);
    if (found == claims_.end()) return;
    const auto ending = std::move(found->second);
    claims_.erase(found);
    claimed_clients_.erase({ending->owner->name, ending->client_id});
    if (ending->due) ending->owner->will_bytes -= ending->due->record.size();
    if (ending->subscribed != nullptr) remove(*ending->subscribed, msg_link::reason::superseded);
    // One commit holds both, so that the will is published exactly once whatever happens between.
    log_->keep_together(together(*ending));
    std::string body;
    journal::number(body, number);
    append_journal(raw(journal::type::claim_ended), 0, body);
    if (ending->due && publish) publish_will(*ending->due, *ending->owner);
}

void hub::register_session(std::uint64_t session, claim_holder& holder) { sessions_[session] = &holder; }
void hub::unregister_session(std::uint64_t session) { sessions_.erase(session); }

void hub::end_session(std::uint64_t session) {
    for (const auto* one : claims_of(session)) end_claim(one->number, true);
    for (auto* one : subscriptions_of(session)) remove(*one, msg_link::reason::lost);
    producers_.erase(session);
    std::string body;
    journal::number(body, session);
    append_journal(raw(journal::type::session_ended), 0, body);
}

std::vector<claim*> hub::claims_of(std::uint64_t session) {
    std::vector<claim*> out;
    for (const auto& [number, one] : claims_)
        if (one->session == session) out.push_back(one.get());
    return out;
}

std::vector<subscription*> hub::subscriptions_of(std::uint64_t session) {
    std::vector<subscription*> out;
    for (const auto& [id, one] : subscriptions_)
        if (one->session == session && session != 0) out.push_back(one);
    return out;
}

std::vector<std::uint64_t> hub::recovered_sessions() const {
    std::vector<std::uint64_t> out;
    for (const auto& [number, one] : claims_) out.push_back(one->session);
    for (const auto& [id, one] : subscriptions_)
        if (one->session != 0) out.push_back(one->session);
    for (const auto& [session, known] : producers_) out.push_back(session);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

producer_state* hub::find_producer(std::uint64_t session) {
    const auto found = producers_.find(session);
    return found == producers_.end() ? nullptr : &found->second;
}

msg_link::reason hub::put_state(std::string_view tenant_name, std::string_view space, std::string_view key,
                                bool present, core::byte_span value) {
    auto& owner = tenant_of(tenant_name);
    auto in = owner.spaces.find(space);
    if (in == owner.spaces.end()) in = owner.spaces.emplace(std::string(space), name_space{}).first;
    auto& states = in->second.state;
    const auto found = states.find(key);
    const auto old_bytes = found == states.end() ? 0 : found->first.size() + found->second.size();
    const auto new_bytes = present ? key.size() + value.size() : 0;
    if (owner.state_bytes - old_bytes + new_bytes > owner.quota.state_bytes_per_tenant && new_bytes > old_bytes)
        return msg_link::reason::state_full;
    if (!log_->failed().empty()) return msg_link::reason::store_failed;
    owner.state_bytes = owner.state_bytes - old_bytes + new_bytes;
    if (!present) {
        if (found == states.end()) return msg_link::reason::ok;
        states.erase(found);
    } else if (found != states.end()) {
        found->second = core::as_text(value);
    } else {
        states.emplace(std::string(key), core::as_text(value));
    }
    std::string body;
    journal::state(body, tenant_name, space, key, present, value);
    append_journal(raw(journal::type::state), 0, body);
    return msg_link::reason::ok;
}

const std::map<std::string, std::string, std::less<>>* hub::states(std::string_view tenant_name,
                                                                   std::string_view space) {
    const auto owner = tenants_.find(tenant_name);
    if (owner == tenants_.end()) return nullptr;
    const auto in = owner->second->spaces.find(space);
    return in == owner->second->spaces.end() ? nullptr : &in->second.state;
}

} // namespace messaging::topic
