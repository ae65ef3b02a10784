#include "messaging/admin/limit_overrides.hpp"

#include <simdjson.h>

#include <algorithm>

namespace messaging::admin {

namespace {

namespace dom = simdjson::dom;
constexpr std::string_view state_key = "limits";

struct bounds {
    std::string_view name;
    std::uint64_t least;
    std::uint64_t most;
};

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t bytes_max = kib * kib * kib * kib * 1024; // 1 PiB: more is a slip of the finger
constexpr std::array<bounds, limit_key_count> keys{{
    {"backlogBytesPerTopic", kib, bytes_max},
    {"backlogBytesPerTenant", kib, bytes_max},
    {"ttlSeconds", 1, 10ULL * 366 * 86'400},
    {"topics", 1, 10'000'000},
    {"subscriptions", 1, 10'000'000},
    {"messageBytes", kib, msg_link::record_bytes_max},
}};

std::uint64_t value_of(const topic::limits& from, limit_key key) noexcept {
    switch (key) {
    case limit_key::backlog_bytes_per_topic: return from.backlog_bytes_per_topic;
    case limit_key::backlog_bytes_per_tenant: return from.backlog_bytes_per_tenant;
    case limit_key::ttl_seconds: return static_cast<std::uint64_t>(from.ttl.count()) / 1000;
    case limit_key::topics: return from.topics_per_tenant;
    case limit_key::subscriptions: return from.subscriptions_per_tenant;
    case limit_key::message_bytes: return from.record_bytes;
    }
    return 0;
}

void set_value(topic::limits& to, limit_key key, std::uint64_t value) noexcept {
    switch (key) {
    case limit_key::backlog_bytes_per_topic: to.backlog_bytes_per_topic = value; break;
    case limit_key::backlog_bytes_per_tenant: to.backlog_bytes_per_tenant = value; break;
    case limit_key::ttl_seconds: to.ttl = std::chrono::seconds(value); break;
    case limit_key::topics: to.topics_per_tenant = static_cast<std::uint32_t>(value); break;
    case limit_key::subscriptions: to.subscriptions_per_tenant = static_cast<std::uint32_t>(value); break;
    case limit_key::message_bytes: to.record_bytes = static_cast<std::uint32_t>(value); break;
    }
}

std::string known_names() {
    std::string all;
    for (const auto& one : keys) all += (all.empty() ? "" : ", ") + std::string(one.name);
    return all;
}

} // namespace

std::string_view name_of(limit_key key) noexcept { return keys[static_cast<std::size_t>(key)].name; }

bool limit_overrides::empty() const noexcept {
    return std::none_of(values.begin(), values.end(), [](const auto& one) { return one.has_value(); });
}

void limit_overrides::apply(topic::limits& to) const noexcept {
    for (std::size_t i = 0; i < limit_key_count; ++i)
        if (values[i]) set_value(to, static_cast<limit_key>(i), *values[i]);
}

std::string merge_limits(std::string_view json, limit_overrides& into) {
    dom::parser parser;
    dom::element root;
    if (const auto error = parser.parse(json.data(), json.size()).get(root); error != simdjson::SUCCESS)
        return "the body is not JSON: " + std::string(simdjson::error_message(error));
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return "the body must be a JSON object";
    auto merged = into;
    for (const auto& [name, value] : object) {
        const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& one) { return one.name == name; });
        if (found == keys.end()) return "'" + std::string(name) + "' is none of " + known_names();
        auto& target = merged.values[static_cast<std::size_t>(found - keys.begin())];
        if (value.is_null()) {
            target.reset();
            continue;
        }
        std::uint64_t number = 0;
        if (value.get(number) != simdjson::SUCCESS || number < found->least || number > found->most)
            return "'" + std::string(name) + "' must be a whole number from " + std::to_string(found->least) + " to " +
                   std::to_string(found->most) + ", or null for the configured value";
        target = number;
    }
    into = merged;
    return {};
}

limit_overrides overrides_of(topic::hub& hub, std::string_view tenant) {
    limit_overrides made;
    const auto* states = hub.states(tenant, topic::management_space);
    if (states == nullptr) return made;
    const auto found = states->find(state_key);
    if (found != states->end()) (void)merge_limits(found->second, made); // our own text; a damaged one sets nothing
    return made;
}

msg_link::reason store_overrides(topic::hub& hub, std::string_view tenant, const limit_overrides& set) {
    core::json_writer text;
    text.object();
    for (std::size_t i = 0; i < limit_key_count; ++i)
        if (set.values[i]) text.member(keys[i].name, *set.values[i]);
    const auto body = std::move(text.end()).text();
    return hub.put_state(tenant, topic::management_space, state_key, !set.empty(), core::as_bytes(body));
}

void append_limits(core::json_writer& out, const topic::limits& in_force, const limit_overrides& set) {
    out.object();
    for (std::size_t i = 0; i < limit_key_count; ++i)
        out.member(keys[i].name, value_of(in_force, static_cast<limit_key>(i)));
    out.key("set").array();
    for (std::size_t i = 0; i < limit_key_count; ++i)
        if (set.values[i]) out.value(keys[i].name);
    out.end().end();
}

} // namespace messaging::admin
