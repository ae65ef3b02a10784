// Publishing, wills and keyed state.
#include "common/record/record.hpp"
#include "tests/property/messaging/hub_run_parts.hpp"

namespace property {

std::string hub_run::make_record(std::uint64_t id, std::uint8_t qos, const std::string& key, std::size_t bytes) {
    std::string payload = std::to_string(id) + " ";
    std::mt19937_64 filler(id);
    while (payload.size() < bytes) payload.push_back(static_cast<char>(filler()));
    record::fields fields;
    fields.qos = qos;
    fields.key = key;
    fields.payload = payload;
    std::string out;
    record::append(out, fields);
    return out;
}

/// As the limits say, by the oracle's own sums.
hub_run::reason hub_run::expected_outcome(std::size_t tenant, const std::string& topic, std::size_t bytes) {
    if (hub().failed()) return reason::store_failed;
    bool wanted = false;
    for (const auto& [name, one] : subscriptions_)
        wanted = wanted || (one.tenant == tenant && one.present.now() && matches(one, topic));
    if (!wanted) return reason::no_subscribers;
    if (hub().disk_full()) return reason::disk_full;
    std::uint64_t of_topic = 0;
    std::uint64_t of_tenant = 0;
    for (const auto& [id, one] : messages_) {
        if (one.tenant != tenant || !alive(one)) continue;
        of_tenant += one.bytes();
        if (one.topic == topic) of_topic += one.bytes();
    }
    if (of_topic + bytes > world_.limits.backlog_bytes_per_topic) return reason::topic_backlog_full;
    if (of_tenant + bytes > world_.limits.backlog_bytes_per_tenant) return reason::tenant_backlog_full;
    return reason::ok;
}

message_model& hub_run::add_message(std::uint64_t id, std::size_t tenant, const std::string& topic) {
    auto& one = messages_[id];
    one.id = id;
    one.tenant = tenant;
    one.topic = topic;
    one.time_ms = now();
    one.version = version();
    one.position = hub().tenants().at(tenant_name(tenant))->position;
    by_position_[tenant][one.position] = id;
    for (auto& [name, by] : subscriptions_)
        if (by.tenant == tenant && by.present.now() && matches(by, topic)) by.needs.emplace(id, need(true));
    return one;
}

void hub_run::publish_one(std::size_t tenant, const std::string& topic, source& by, std::size_t bytes) {
    auto why = reason::ok;
    auto* to = hub().open_topic(tenant_name(tenant), "mqtt", topic, why);
    if (to == nullptr) return complain("a topic cannot be opened");
    const auto id = next_message_++;
    const auto qos = static_cast<std::uint8_t>(one_in(5) ? 0 : 1);
    const auto key = one_in(4) ? std::string() : "k" + std::to_string(pick(3));
    const auto record = make_record(id, qos, key, bytes);
    const auto expected = expected_outcome(tenant, topic, record.size());
    const auto before = to->owner().position;
    ++by.received;
    hub().publish(by, to, nullptr, core::as_bytes(record));
    const bool taken = to->owner().position != before;
    hub().close_topic(*to);
    trace("publish " + std::to_string(id) + " by " + std::to_string(by.index) + " " + std::to_string(by.received) +
          " on " + tenant_name(tenant) + "/" + topic + " key " + key + " qos " + std::to_string(qos) + " bytes " +
          std::to_string(record.size()) + " position " + std::to_string(to->owner().position) + " " +
          std::string(msg_link::name(expected)));
    if (taken != (expected == reason::ok))
        return complain("message " + std::to_string(id) + (taken ? " taken, not " : " refused, not ") +
                        std::string(msg_link::name(expected)));
    if (!taken) {
        by.refusals[by.received] = expected;
        return;
    }
    auto& one = add_message(id, tenant, topic);
    one.record = record;
    one.qos = qos;
    one.key = key;
    one.source = by.index;
    one.sequence = by.received;
    by.sent[by.received] = id;
}

void hub_run::publish() {
    auto& by = *sources_[pick(sources_.size())];
    const auto tenant = by.index % tenants;
    const std::string topic = topics[pick(topics.size())];
    for (std::uint64_t left = 1 + pick(6); left > 0; --left)
        publish_one(tenant, topic, by, one_in(4) ? pick(9'000) : 20 + pick(300));
}

void hub_run::on_settled(source& by, std::uint64_t up_to, const std::vector<msg_link::run>& runs) {
    if (up_to < by.told || up_to > by.received) return complain("settled out of sequence");
    trace("settled " + std::to_string(by.index) + " up to " + std::to_string(up_to) + ", runs " +
          std::to_string(runs.size()));
    std::map<std::uint64_t, reason> outcome;
    for (const auto& one : runs)
        for (std::uint64_t i = 0; i < one.length; ++i) outcome[one.first + i] = one.why;
    for (auto sequence = by.told + 1; sequence <= up_to; ++sequence) {
        const auto found = outcome.find(sequence);
        const auto why = found == outcome.end() ? reason::ok : found->second;
        if (const auto expected = by.refusals.find(sequence); expected != by.refusals.end()) {
            if (why != expected->second) complain("told a wrong reason for a refusal");
            continue;
        }
        auto& one = messages_.at(by.sent.at(sequence));
        if (why == reason::ok) {
            if (one.is == message_model::fate::flying) one.is = message_model::fate::stored;
            if (one.is == message_model::fate::refused) complain("settled after it was refused");
            continue;
        }
        if (why != reason::store_failed && why != reason::disk_full) complain("a log's refusal has another reason");
        if (!may_refuse_) complain("the log refused without a fault");
        if (one.is != message_model::fate::flying) complain("refused after it was delivered");
        trace("refused " + std::to_string(one.id) + " " + std::string(msg_link::name(why)));
        refuse(one);
    }
    by.told = up_to;
}

void hub_run::refuse(message_model& one) {
    one.is = message_model::fate::refused;
    for (auto& [name, by] : subscriptions_) // what it was needed by shows when a crash brings it back
        if (const auto found = by.needs.find(one.id); found != by.needs.end() && found->second.wanted.now())
            found->second.wanted.set(unwritten, false);
}

void hub_run::claim() {
    const auto tenant = pick(tenants);
    const auto client = tenant_name(tenant) + "d" + std::to_string(pick(3));
    auto& one = claims_by_client_[client];
    if (one.present.now()) {
        if (one.number == 0) return; // not answered yet
        end_claim(one, true);        // what a newer claim does to the older one
    }
    one.tenant = tenant;
    one.client = client;
    one.number = 0;
    one.will_id = 0;
    msg_link::claim request;
    const auto name = tenant_name(tenant);
    request.tenant = name;
    request.client_id = client;
    std::string record;
    const std::string topic = topics[pick(topics.size())];
    if (!one_in(3)) {
        one.will_id = next_message_++;
        holder_->wills[one.will_id] = {topic, make_record(one.will_id, 1, {}, 20 + pick(200))};
        record = holder_->wills[one.will_id].second;
        request.has_will = true;
        request.will_name_space = "mqtt";
        request.will_name = topic;
        request.will_record = core::as_bytes(record);
    }
    const auto sequence = ++holder_->sequence;
    holder_->asked[sequence] = client;
    hub().make_claim(*holder_, claims_session, sequence, request);
    one.present.set(version(), true);
    checkpoint();
}

void hub_run::end_claim() {
    std::vector<claim_model*> held;
    for (auto& [client, one] : claims_by_client_)
        if (one.present.now() && one.number != 0) held.push_back(&one);
    if (held.empty()) return;
    auto& one = *held[pick(held.size())];
    end_claim(one, !one_in(3));
}

void hub_run::end_claim(claim_model& one, bool publish_will) {
    const auto number = std::exchange(one.number, 0);
    const auto will_id = std::exchange(one.will_id, 0);
    auto& owner = *hub().tenants().at(tenant_name(one.tenant));
    const auto before = owner.position;
    auto expected = reason::no_subscribers;
    const auto will = will_id == 0 ? std::pair<std::string, std::string>{} : holder_->wills[will_id];
    if (will_id != 0 && publish_will) expected = expected_outcome(one.tenant, will.first, will.second.size());
    trace("end claim of " + one.client + ", will " + std::to_string(will_id) + (publish_will ? " published" : " not"));
    hub().end_claim(number, publish_will);
    one.present.set(version(), false);
    if ((owner.position != before) != (expected == reason::ok))
        return complain("a will was not handled by the limits: " + std::string(msg_link::name(expected)) + " at " +
                        std::to_string(owner.position - before));
    if (expected == reason::ok) {
        auto& message = add_message(will_id, one.tenant, will.first);
        message.record = will.second;
        holder_->published[will_id] = one.client;
    }
    checkpoint();
}

void hub_run::put_state() {
    const auto tenant = pick(tenants);
    const auto key = "s" + std::to_string(pick(4));
    const bool keep = !one_in(3);
    const auto value = std::to_string(next_message_++) + std::string(pick(100), 'v');
    const auto why = hub().put_state(tenant_name(tenant), "mqtt", key, keep, core::as_bytes(value));
    if (hub().failed()) return;
    auto at = states_.find({tenant, key});
    if (at == states_.end())
        at = states_.emplace(state_key{tenant, key}, history<std::optional<std::string>>(std::optional<std::string>()))
                 .first;
    if (why != reason::ok) return complain("a state was refused");
    at->second.set(version(), keep ? std::optional(value) : std::nullopt);
    checkpoint();
}

} // namespace property
