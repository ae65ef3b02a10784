// Topics and publishing: quotas, positions, appending.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"
#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"
#include "messaging/topic/journal.hpp"

#include <algorithm>

namespace messaging::topic {

tenant& hub::tenant_of(std::string_view name) {
    const auto found = tenants_.find(name);
    if (found != tenants_.end()) return *found->second;
    auto made = std::make_unique<tenant>(std::string(name));
    made->quota = limits_source_ ? limits_source_(name) : defaults_;
    auto& owner = *made;
    tenants_.emplace(owner.name, std::move(made));
    return owner;
}

void hub::use_limits(std::function<limits(std::string_view)> source) {
    limits_source_ = std::move(source);
    for (const auto& [name, owner] : tenants_) owner->quota = limits_source_(name);
}

topic* hub::find_topic(tenant& owner, std::string_view space, std::string_view name) noexcept {
    const auto in = owner.spaces.find(space);
    if (in == owner.spaces.end()) return nullptr;
    const auto found = in->second.topics.find(name);
    return found == in->second.topics.end() ? nullptr : found->second.get();
}

topic& hub::make_topic(tenant& owner, std::string_view space, std::string_view name) {
    auto in = owner.spaces.find(space);
    if (in == owner.spaces.end()) in = owner.spaces.emplace(std::string(space), name_space{}).first;
    auto made = std::make_unique<topic>(owner, std::string(space), std::string(name));
    auto& one = *made;
    one.identity = next_topic_identity_++;
    one.used_ms = now_ms();
    in->second.topics.emplace(one.name(), std::move(made));
    if (!one.kept()) ++owner.topic_count;
    if (one.reports()) ++owner.report_topics;
    one.in_live_list = true;
    live_topics_.push_back(&one);
    if (!recovering_) connect_new_topic(one);
    return one;
}

topic* hub::open_topic(std::string_view tenant_name, std::string_view space, std::string_view name,
                       msg_link::reason& why) {
    auto& owner = tenant_of(tenant_name);
    auto* found = find_topic(owner, space, name);
    if (found == nullptr) {
        const auto kind = class_of(name);
        const bool full = kind == topic_class::normal ? owner.topic_count >= owner.quota.topics_per_tenant
                                                      : kind == topic_class::report &&
                                                            owner.report_topics >= owner.quota.report_topics_per_tenant;
        if (full) {
            why = msg_link::reason::topic_limit;
            return nullptr;
        }
        found = &make_topic(owner, space, name);
    }
    ++found->open_numbers;
    found->used_ms = now_ms();
    why = msg_link::reason::ok;
    return found;
}

void hub::close_topic(topic& one) {
    --one.open_numbers;
    one.used_ms = now_ms();
}

void hub::number_topic(topic& one) {
    if (one.number != 0) return;
    one.number = next_topic_++;
    numbered_.emplace(one.number, &one);
    std::string body;
    journal::topic_created(body, one);
    append_journal(static_cast<std::uint8_t>(journal::type::topic_created), one.number, body);
}

msg_link::reason hub::check_publish(const topic* to, const claim* by, core::byte_span bytes) const noexcept {
    if (by != nullptr && by->failed) return msg_link::reason::previous_refused;
    const auto& owner = to->owner();
    if (bytes.size() > owner.quota.record_bytes) return msg_link::reason::too_large;
    if (!log_->failed().empty()) return msg_link::reason::store_failed;
    if (to->edges.empty() && !to->kept()) return msg_link::reason::no_subscribers;
    if (disk_full()) return msg_link::reason::disk_full;
    if (to->reports() && owner.report_bytes + bytes.size() > owner.quota.report_bytes_per_tenant)
        return msg_link::reason::tenant_backlog_full;
    if (to->kept()) return msg_link::reason::ok; // has its own cap and counts for no quota
    if (to->backlog_bytes + bytes.size() > owner.quota.backlog_bytes_per_topic)
        return msg_link::reason::topic_backlog_full;
    if (owner.backlog_bytes + bytes.size() > owner.quota.backlog_bytes_per_tenant)
        return msg_link::reason::tenant_backlog_full;
    return msg_link::reason::ok;
}

void hub::refuse(publish_source& source, claim* by, core::byte_span record, msg_link::reason why) {
    if (by != nullptr && by->failed) why = msg_link::reason::previous_refused;
    if (by != nullptr && by->fail_after_refusal && record::peek_qos(record) > 0) by->failed = true;
    source.note(why);
    ++stats_.refused[std::min<std::size_t>(static_cast<std::size_t>(why), stats_.refused.size() - 1)];
    touch(source);
}

void hub::publish(publish_source& source, topic* to, claim* by, core::byte_span record) {
    ++stats_.messages_in;
    stats_.bytes_in += record.size();
    ++to->messages_in;
    if (to->addresses_devices() && !record::peek_from_device(record)) to = address_device(*to, record);
    const auto why = to == nullptr ? msg_link::reason::no_subscribers : check_publish(to, by, record);
    if (why == msg_link::reason::ok) {
        append_message(*to, &source, record);
        touch(source);
        return;
    }
    if (why == msg_link::reason::no_subscribers) {
        ++stats_.messages_unmatched;
        source.note(why);
        touch(source);
        return;
    }
    refuse(source, by, record, why);
}

/// The topic of this name if an MQTT client subscribes to it; one that does not exist yet is made only if a client's
/// wildcard matches it. Applications do not count: what is meant for devices is not kept for readers of `from-device`.
topic* hub::topic_of_clients(tenant& owner, std::string_view space, std::string_view name) {
    if (auto* found = find_topic(owner, space, name)) {
        const bool wanted =
            std::any_of(found->edges.begin(), found->edges.end(), [](const auto& at) { return at->by->claim != 0; });
        return wanted ? found : nullptr;
    }
    const auto in = owner.spaces.find(space);
    if (in == owner.spaces.end() || owner.topic_count >= owner.quota.topics_per_tenant) return nullptr;
    for (const auto* by : in->second.wild) {
        if (by->claim == 0) continue;
        for (const auto& one : by->filters)
            if (record::has_wildcard(one.filter) && record::filter_matches(one.filter, name))
                return &make_topic(owner, space, name);
    }
    return nullptr;
}

/// Where a message to `to-device` goes: to the client it names or to all, where devices are kept apart; else to the
/// ordinary topic of its name. Null: nobody wants it, or it is invalid (dropped, told by an alarm; ref A.11).
topic* hub::address_device(topic& to, core::byte_span bytes) {
    const auto message = record::parse(bytes);
    const auto fault = message ? record::check_to_device(*message) : record::to_device_fault::missing_topic;
    if (fault != record::to_device_fault::none) {
        ++stats_.to_device_invalid[static_cast<std::size_t>(fault)];
        if (alarm_) alarm_(to.owner().name, record::alarm_type(fault));
        return nullptr;
    }
    const auto topic_name = *message->topic;
    if (topic_name.front() == '$' || record::has_wildcard(topic_name)) return nullptr; // no client can subscribe to it
    name_scratch_.clear();
    record::append_to_device(name_scratch_, message->client_id, topic_name);
    if (auto* addressed = topic_of_clients(to.owner(), to.name_space(), name_scratch_)) return addressed;
    return topic_of_clients(to.owner(), to.name_space(), topic_name);
}

bool hub::publish_own(std::string_view tenant_name, std::string_view name, core::byte_span record) {
    constexpr std::string_view space = "mqtt";
    auto& owner = tenant_of(tenant_name);
    auto* to = find_topic(owner, space, name);
    if (to == nullptr) to = &make_topic(owner, space, name);
    if (check_publish(to, nullptr, record) != msg_link::reason::ok) return false;
    append_message(*to, nullptr, record);
    return true;
}

void hub::count_bytes(topic& of, std::int64_t bytes) noexcept {
    const auto add = [bytes](std::uint64_t& to) {
        to = bytes < 0 && to < static_cast<std::uint64_t>(-bytes) ? 0 : to + static_cast<std::uint64_t>(bytes);
    };
    add(of.backlog_bytes);
    if (!of.kept()) add(of.owner().backlog_bytes);
    if (of.reports()) add(of.owner().report_bytes);
}

/// A batch takes its watermarks with it: one that is full gets those of what is in it, not of the frame at hand.
void hub::begin_batch(publish_source* current) {
    if (current != nullptr) --current->received;
    mark_sources();
    if (current != nullptr) ++current->received;
    place_staged();
    log_->keep_together(log_->entry_bytes_max());
}

void hub::append_message(topic& to, publish_source* source, core::byte_span record) {
    if (owes_) append_again();
    number_topic(to);
    constexpr std::size_t mark_bytes = 256; // of one source, unless it had very many refusals
    const auto wanted = log_->gathered_bytes() + store::entry_bytes(static_cast<std::uint32_t>(record.size()));
    if (wanted + (dirty_sources_.size() + 1) * mark_bytes > log_->entry_bytes_max() && log_->gathered_bytes() > 0)
        begin_batch(source);
    auto& owner = to.owner();
    pending_message one;
    one.to = &to;
    one.position = ++owner.position;
    one.time_ms = now_ms();
    one.source = source;
    one.sequence = source != nullptr ? source->received : 0;
    one.bytes = static_cast<std::uint32_t>(record.size());
    one.offset = log_->append(store::entry_type::message, to.number, one.position, one.time_ms, {record});
    gathering_work().messages.push_back(one);
    count_bytes(to, one.bytes);
    ++owner.messages_in;
    ++to.committing;
    to.used_ms = one.time_ms;
    kick();
}

/// Nobody has opened it: it may be the first message there, and only a wildcard matches it. Null: nobody wants it.
topic* hub::topic_of_will(const will& due, tenant& owner) {
    if (auto* found = find_topic(owner, due.name_space, due.name)) return found;
    const auto in = owner.spaces.find(due.name_space);
    if (in == owner.spaces.end()) return nullptr;
    const bool full = class_of(due.name) == topic_class::normal && owner.topic_count >= owner.quota.topics_per_tenant;
    for (const auto* by : in->second.wild)
        for (const auto& one : by->filters)
            if (!full && record::has_wildcard(one.filter) && record::filter_matches(one.filter, due.name))
                return &make_topic(owner, due.name_space, due.name);
    return nullptr;
}

void hub::publish_will(will& due, tenant& owner) {
    auto* to = topic_of_will(due, owner);
    const auto bytes = core::as_bytes(due.record);
    const auto why = to == nullptr ? msg_link::reason::no_subscribers : check_publish(to, nullptr, bytes);
    if (why == msg_link::reason::ok) {
        append_message(*to, nullptr, bytes);
        ++stats_.wills_published;
        return;
    }
    if (why == msg_link::reason::no_subscribers) {
        ++stats_.wills_published; // published, to nobody
        return;
    }
    ++stats_.wills_dropped;
    core::log::warn("will dropped", {{"tenant", owner.name}, {"topic", due.name}, {"reason", msg_link::name(why)}});
}

bool hub::expired(const topic& of, std::int64_t time_ms, std::int64_t now) noexcept {
    const auto& quota = of.owner().quota;
    const auto ttl = of.reports() ? quota.report_ttl : of.kept() ? quota.kept_ttl : quota.ttl;
    return time_ms + ttl.count() <= now;
}

void hub::expire(topic& one) {
    while (!one.messages.empty()) {
        auto& oldest = one.messages.front();
        if (oldest.pending == 0) {
            one.messages.pop_front();
            continue;
        }
        if (!expired(one, oldest)) break;
        ++stats_.expired;
        ++one.owner().messages_expired;
        drop_oldest(one);
    }
}

/// Whoever still waited for it will not find it.
void hub::drop_oldest(topic& one) {
    auto& oldest = one.messages.front();
    if (oldest.pending > 0) {
        for (const auto& at : one.edges)
            if (oldest.position > std::max(at->start, at->by->read_position))
                at->by->held_bytes -= std::min<std::uint64_t>(at->by->held_bytes, oldest.bytes);
        oldest.pending = 0;
        retire(one, oldest);
    }
    one.messages.pop_front();
}

void hub::trim_kept(topic& one) {
    const auto& quota = one.owner().quota;
    std::size_t most = one.messages.max_size();
    if (one.reports()) most = quota.reports_per_client;
    if (one.of_class() == topic_class::alarm) most = quota.alarms_per_tenant;
    // The one that has just come stays until it was handed out.
    while (one.messages.size() > 1 && (one.messages.size() > most || one.backlog_bytes > quota.kept_bytes_per_topic))
        drop_oldest(one);
}

void hub::sweep_topics() {
    constexpr std::size_t topics_per_tick = 2'000; // 100,000 topics are looked at every five seconds
    for (std::size_t looked = 0; looked < topics_per_tick && !live_topics_.empty(); ++looked) {
        if (sweep_at_ >= live_topics_.size()) {
            sweep_at_ = 0;
            if (looked > 0) return;
        }
        auto& one = *live_topics_[sweep_at_];
        expire(one);
        if (!remove_topic_if_unused(sweep_at_)) ++sweep_at_;
    }
}

bool hub::remove_topic_if_unused(std::size_t index) {
    auto& one = *live_topics_[index];
    if (one.open_numbers > 0 || one.committing > 0 || one.mark_dirty || one.references > 0 || !one.edges.empty() ||
        !one.messages.empty())
        return false;
    if (one.number != 0) {
        append_journal(static_cast<std::uint8_t>(journal::type::topic_removed), one.number, {});
        numbered_.erase(one.number);
    }
    live_topics_[index] = live_topics_.back();
    live_topics_.pop_back();
    auto& owner = one.owner();
    if (!one.kept()) --owner.topic_count;
    if (one.reports()) --owner.report_topics;
    auto& topics = owner.spaces.find(one.name_space())->second.topics;
    topics.erase(topics.find(one.name()));
    return true;
}

} // namespace messaging::topic
