#include "messaging/topic/alarm_board.hpp"

#include "common/core/json_writer.hpp"
#include "common/record/device_topics.hpp"
#include "common/record/record.hpp"

#include <utility>

namespace messaging::topic {
namespace {

constexpr std::chrono::minutes every{1};

std::string_view text_of(std::string_view type) noexcept {
    using record::to_device_fault;
    constexpr std::pair<to_device_fault, std::string_view> texts[] = {
        {to_device_fault::no_key, "A message to `to-device` was dropped: it has no key"},
        {to_device_fault::invalid_key,
         "A message to `to-device` was dropped: its key is neither the client ID nor, for all clients, the topic"},
        {to_device_fault::empty_client_id, "A message to `to-device` was dropped: its client ID is empty"},
        {to_device_fault::missing_topic, "A message to `to-device` was dropped: it has no MQTT topic"},
        {to_device_fault::empty_topic, "A message to `to-device` was dropped: its MQTT topic is empty"},
    };
    for (const auto& [fault, text] : texts)
        if (record::alarm_type(fault) == type) return text;
    if (type == dead_letters_full_alarm)
        return "A message that was delivered too often stays with its subscription: the topic of its dead letters is "
               "full";
    if (type == backlog_alarm)
        return "A subscription holds more than 80 % of the backlog a topic may have: acknowledge its messages or "
               "remove it";
    return "A message was dropped";
}

std::string alarm_json(std::string_view type, std::uint64_t unsaid, std::int64_t now_ms) {
    std::string text(text_of(type));
    if (unsaid > 0) text += " (and " + std::to_string(unsaid) + " more since the last alarm)";
    core::json_writer out;
    out.object().member("type", type).member("severity", "WARNING").member("text", text);
    return std::move(out.member("time", core::iso_time(now_ms)).end()).text();
}

} // namespace

alarm_board::state* alarm_board::state_of(const std::string& tenant, std::string_view type, core::steady_time now) {
    std::pair key(tenant, std::string(type));
    if (const auto found = states_.find(key); found != states_.end()) return &found->second;
    if (states_.size() >= entries_max)
        std::erase_if(states_, [now](const auto& one) { return one.second.next <= now; });
    if (states_.size() >= entries_max) return nullptr;
    return &states_[std::move(key)];
}

void alarm_board::raise(const std::string& tenant, std::string_view type) {
    const auto now = clock_.now();
    auto* const last = state_of(tenant, type, now);
    if (last == nullptr || now < last->next) {
        if (last != nullptr) ++last->unsaid;
        ++held_back_;
        return;
    }
    const auto json = alarm_json(type, last->unsaid, clock_.wall_ms());
    record::fields message;
    message.qos = 1;
    message.arrival_ms = clock_.wall_ms();
    message.payload = json;
    std::string bytes;
    record::append(bytes, message);
    last->next = now + every;
    if (hub_.publish_own(tenant, record::alarm_topic, core::as_bytes(bytes))) {
        last->unsaid = 0;
        ++published_;
    } else {
        ++held_back_;
    }
}

} // namespace messaging::topic
