// Messages that were delivered too often. The letter and the acknowledgement of the original are one log write: the
// letter goes first, so that a torn write leaves the message where it was.
#include "messaging/topic/hub.hpp"

#include "common/record/device_topics.hpp"
#include "common/record/properties.hpp"
#include "common/record/record.hpp"
#include "messaging/topic/journal.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {

/// The original with the reasons as user properties; empty when that is more than a record may have.
std::string letter(const subscription& of, const topic& from, std::uint8_t deliveries, core::byte_span record) {
    std::string out;
    auto fields = record::parse(record);
    if (!fields) return out;
    std::string properties(fields->properties);
    record::append_user_property(properties, "dead.reason", "max_deliveries");
    record::append_user_property(properties, "dead.deliveries", std::to_string(deliveries));
    record::append_user_property(properties, "dead.subscription", of.name);
    record::append_user_property(properties, "dead.topic", from.name());
    fields->properties = properties;
    if (!fields->topic) fields->topic = from.name();
    if (record::encoded_size(*fields) <= msg_link::record_bytes_max) record::append(out, *fields);
    return out;
}

} // namespace

/// False: it cannot go there now and stays.
bool hub::bury(subscription& one, std::uint64_t position, core::byte_span record) {
    const auto at = one.redeliveries.find(position);
    const auto again = at->second;
    if (one.name.empty() || again.from->name().starts_with(record::dead_letter_prefix)) return false;
    const auto deliveries = static_cast<std::uint8_t>(again.delivery_count - 1);
    const auto bytes = letter(one, *again.from, deliveries, record);
    auto& owner = one.owner();
    name_scratch_.assign(record::dead_letter_prefix).append(one.name);
    auto* to = find_topic(owner, one.name_space, name_scratch_);
    const auto held = to == nullptr ? 0 : to->backlog_bytes;
    if (bytes.empty() || held + bytes.size() > owner.quota.kept_bytes_per_topic || !log_->failed().empty()) {
        ++stats_.dead_letters_refused;
        if (alarm_) alarm_(owner.name, dead_letters_full_alarm);
        return false;
    }
    if (to == nullptr) to = &make_topic(owner, one.name_space, name_scratch_);
    append_message(*to, nullptr, core::as_bytes(bytes));
    one.redeliveries.erase(at);
    if (one.keys) one.keys->forget_waiting(again.key, position);
    scratch_.clear();
    journal::cursor(scratch_, one); // without it: the acknowledgement
    one.make_aside().dying.emplace(position, again);
    append_journal(static_cast<std::uint8_t>(journal::type::cursor), 0, scratch_);
    gathering_work().callbacks.push_back(
        [this, id = one.id(), position](core::error_code error) { buried(id, position, error); });
    ++stats_.dead_letters;
    return true;
}

void hub::buried(std::uint64_t subscription_id, std::uint64_t position, core::error_code error) {
    const auto found = subscriptions_.find(subscription_id);
    if (found == subscriptions_.end()) return; // removed meanwhile, and all it held with it
    auto& of = *found->second;
    if (!of.aside) return;
    const auto at = of.aside->dying.find(position);
    if (at == of.aside->dying.end()) return;
    const auto again = at->second;
    of.aside->dying.erase(at);
    note_cursor(of);
    if (error) {
        --stats_.dead_letters;
        const auto due = now_ms() + 1'000; // not at once: the disk may be full for a while
        of.make_aside().delayed.emplace(due, std::pair(position, again));
        wake_at(of, due);
    } else {
        of.held_bytes -= std::min<std::uint64_t>(of.held_bytes, again.bytes);
        release(*again.from, position);
        --again.from->references;
    }
    pump(of);
}

void hub::set_max_deliveries(subscription& of, std::uint16_t most) {
    if (of.max_deliveries == most) return;
    of.max_deliveries = most;
    log_settings(of);
}

} // namespace messaging::topic
