// What management set of a tenant's limits at run time: over messaging.yaml and tenants.yaml, durable in the tenant's
// keyed state under a namespace that no link reaches. Pure but for the hub's state; loop only.
#pragma once

#include "common/core/json_writer.hpp"
#include "messaging/topic/hub.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace messaging::admin {

/// Order of the keys below; never renumber: the texts lie on disk.
enum class limit_key : std::uint8_t {
    backlog_bytes_per_topic,
    backlog_bytes_per_tenant,
    ttl_seconds,
    topics,
    subscriptions,
    message_bytes,
};
inline constexpr std::size_t limit_key_count = 6;
std::string_view name_of(limit_key key) noexcept;

/// Only what was set.
struct limit_overrides {
    std::array<std::optional<std::uint64_t>, limit_key_count> values;

    bool empty() const noexcept;
    void apply(topic::limits& to) const noexcept;
    bool operator==(const limit_overrides&) const = default;
};

/// Merges a body `{"ttlSeconds":60,"topics":null}` into `into`: a number sets, null removes, absent stays (ref D.1).
/// Empty, or one sentence about the first mistake; then `into` is as it was.
std::string merge_limits(std::string_view json, limit_overrides& into);

/// Of the tenant, as it stands in the hub; nothing set when the tenant is unknown.
limit_overrides overrides_of(topic::hub& hub, std::string_view tenant);
/// Takes them into the hub's state; durable when the hub's next commit is. The caller has the quota renewed.
msg_link::reason store_overrides(topic::hub& hub, std::string_view tenant, const limit_overrides& set);

/// The object of the limits in force, `set` naming those that management set.
void append_limits(core::json_writer& out, const topic::limits& in_force, const limit_overrides& set);

} // namespace messaging::admin
