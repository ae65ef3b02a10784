#include "broker/mqtt/topic_rules.hpp"

#include <array>
#include <cstring>

namespace broker::mqtt {
namespace {

constexpr std::array<std::string_view, 8> core_prefixes{
    "s/", "t/", "q/", "c/", "alarm/alarms/", "event/events/", "measurement/measurements/", "inventory/managedObjects/"};
constexpr std::array<std::string_view, 2> core_names{"error", "devicecontrol/notifications"};
constexpr std::string_view shared_prefix = "$share/";

/// `#` only as the whole last level, `+` only as a whole level.
bool wildcards_well_placed(std::string_view filter) noexcept {
    for (std::size_t i = 0; i < filter.size(); ++i) {
        if (filter[i] != '#' && filter[i] != '+') continue;
        const bool starts_level = i == 0 || filter[i - 1] == '/';
        const bool last = i + 1 == filter.size();
        if (!starts_level) return false;
        if (filter[i] == '#' ? !last : !last && filter[i + 1] != '/') return false;
    }
    return true;
}

bool shared_well_formed(std::string_view filter) noexcept {
    const std::string_view rest = filter.substr(shared_prefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) return false;
    return !has_wildcard(rest.substr(0, slash)) && wildcards_well_placed(rest.substr(slash + 1));
}

} // namespace

std::string_view describe(topic_verdict verdict) noexcept {
    switch (verdict) {
    case topic_verdict::valid: return "valid";
    case topic_verdict::empty: return "the topic is empty";
    case topic_verdict::wildcard: return "the topic contains a wildcard";
    case topic_verdict::misplaced: return "a wildcard is not at a place where it may be";
    case topic_verdict::too_long: return "the topic is longer than this service allows";
    case topic_verdict::dollar: return "topics that begin with $ are reserved";
    case topic_verdict::reserved: return "the topic is reserved for the platform";
    case topic_verdict::shared: return "shared subscriptions are not supported";
    case topic_verdict::shared_malformed: return "the shared subscription has no valid name or no filter";
    }
    return "unknown";
}

bool has_wildcard(std::string_view text) noexcept {
    return std::memchr(text.data(), '+', text.size()) != nullptr ||
           std::memchr(text.data(), '#', text.size()) != nullptr;
}

bool is_core_topic(std::string_view topic) noexcept {
    for (const std::string_view prefix : core_prefixes)
        if (topic.starts_with(prefix)) return true;
    for (const std::string_view name : core_names)
        if (topic == name) return true;
    return false;
}

topic_verdict check_topic_name(std::string_view topic, const topic_limits& limits) noexcept {
    if (topic.empty()) return topic_verdict::empty;
    if (has_wildcard(topic)) return topic_verdict::wildcard;
    if (topic.front() == '$') return topic_verdict::dollar;
    if (topic.size() > limits.topic_bytes_max) return topic_verdict::too_long;
    if (limits.core_topics_reserved && is_core_topic(topic)) return topic_verdict::reserved;
    return topic_verdict::valid;
}

topic_verdict check_topic_filter(std::string_view filter, const topic_limits& limits, bool shared_known) noexcept {
    if (filter.empty()) return topic_verdict::empty;
    if (shared_known && filter.starts_with(shared_prefix))
        return shared_well_formed(filter) ? topic_verdict::shared : topic_verdict::shared_malformed;
    if (!wildcards_well_placed(filter)) return topic_verdict::misplaced;
    if (filter.front() == '$') return filter == error_topic ? topic_verdict::valid : topic_verdict::dollar;
    if (filter.size() > limits.topic_bytes_max) return topic_verdict::too_long;
    if (!limits.wildcards_offered && has_wildcard(filter)) return topic_verdict::wildcard;
    if (limits.core_topics_reserved && is_core_topic(filter)) return topic_verdict::reserved;
    return topic_verdict::valid;
}

} // namespace broker::mqtt
