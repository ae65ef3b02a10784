#include "messaging/topic/topic.hpp"

#include <algorithm>

namespace messaging::topic {

topic_class class_of(std::string_view name) noexcept {
    if (name.starts_with(record::error_prefix)) return topic_class::report;
    if (name == record::alarm_topic) return topic_class::alarm;
    return name.starts_with(record::service_prefix) || name.starts_with(record::dead_letter_prefix)
               ? topic_class::kept
               : topic_class::normal;
}

std::size_t topic::index_after(std::uint64_t position) const noexcept {
    // The usual case is the front (a reader that follows) or the end (a writer).
    if (messages.empty() || messages.front().position > position) return 0;
    if (messages.back().position <= position) return messages.size();
    const auto found = std::upper_bound(messages.begin(), messages.end(), position,
                                        [](std::uint64_t at, const message& one) { return at < one.position; });
    return static_cast<std::size_t>(found - messages.begin());
}

message* topic::find(std::uint64_t position) noexcept {
    if (messages.empty()) return nullptr;
    if (messages.front().position == position) return &messages.front();
    const auto index = index_after(position);
    if (index == 0 || messages[index - 1].position != position) return nullptr;
    return &messages[index - 1];
}

message* topic::after(std::uint64_t position) noexcept {
    for (auto index = index_after(position); index < messages.size(); ++index)
        if (messages[index].pending > 0) return &messages[index];
    return nullptr;
}

void topic::trim() noexcept {
    while (!messages.empty() && messages.front().pending == 0) messages.pop_front();
}

} // namespace messaging::topic
