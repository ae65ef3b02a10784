// Everything one tenant owns in messaging: isolation by ownership. Nothing in here refers to another tenant.
#pragma once

#include "messaging/topic/limits.hpp"
#include "messaging/topic/subscription.hpp"
#include "messaging/topic/topic.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace messaging::topic {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class Value> using text_map = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

/// One filter of one subscription, found by its exact text or tried against each new topic.
struct filter_entry {
    subscription* by = nullptr;
    std::size_t index = 0; ///< in the subscription's filters
};

struct name_space {
    text_map<std::unique_ptr<topic>> topics;
    text_map<std::vector<subscription*>> exact; ///< filters without wildcard
    std::vector<subscription*> wild;            ///< subscriptions with at least one wildcard filter
    text_map<subscription*> named;              ///< durable and shared names
    std::map<std::string, std::string, std::less<>> state;
};

/// Keyed state of the service itself (limits set at run time): links may not touch it.
inline constexpr std::string_view management_space = "$management";

struct tenant {
    explicit tenant(std::string tenant_name) : name(std::move(tenant_name)) {}

    std::string name;
    limits quota;
    std::uint64_t position = 0;      ///< last one given out
    std::uint64_t backlog_bytes = 0; ///< without kept topics
    std::uint64_t report_bytes = 0;
    std::size_t report_topics = 0;
    std::uint64_t state_bytes = 0;
    std::uint64_t will_bytes = 0;
    std::size_t topic_count = 0;
    std::map<std::string, name_space, std::less<>> spaces;
    std::unordered_map<std::uint64_t, std::unique_ptr<subscription>> subscriptions;

    // Since start.
    std::uint64_t messages_in = 0;
    std::uint64_t messages_unmatched = 0;
    std::uint64_t messages_out = 0;
    std::uint64_t messages_expired = 0;
    std::uint64_t messages_skipped = 0;
};

} // namespace messaging::topic
