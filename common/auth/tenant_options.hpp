// What tenants.yaml says of one tenant besides its users: the compatibility profile, single switches of it, and limits
// (design §3, ref A.10). Every value is optional; each program resolves those that concern it against its own defaults.
// Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace core {
class config_node;
}

namespace auth {

/// Who sees whose messages inside a tenant.
enum class isolation : std::uint8_t {
    tenant, ///< all clients share one topic space (the public preview)
    device, ///< a client sees only what is addressed to it; everything it publishes goes to `from-device`
};
enum class clean_session_policy : std::uint8_t {
    treat_as_clean, ///< 0 is accepted and served as 1
    refuse_unclean, ///< 0 is refused
};
enum class retain_policy : std::uint8_t {
    ignore, ///< accepted, the flag has no effect
    refuse, ///< PUBLISH closes the connection, CONNECT with a retained will is refused; announced as not available
};

struct tenant_switches {
    std::optional<auth::isolation> isolation;
    std::optional<clean_session_policy> clean_session;
    std::optional<retain_policy> retain;
    std::optional<bool> wildcards;
    std::optional<bool> assign_client_id;     ///< an empty client ID gets one where the version allows it
    std::optional<bool> core_topics_reserved; ///< the platform's topics are refused instead of being ordinary ones
    std::optional<bool> error_topic;
    std::optional<bool> certificate_names_client; ///< common name = client ID
    std::optional<bool> basic_authentication;
};

/// Limits of the MQTT side. 0 means no limit where a rate or a number of connections is counted.
struct tenant_limits {
    std::optional<std::uint32_t> connections;
    std::optional<std::uint32_t> connect_rate;                   ///< CONNECTs a second
    std::optional<std::uint32_t> publish_rate;                   ///< PUBLISHes a second from all clients
    std::optional<std::uint32_t> publish_rate_per_client;        ///< the same from one client
    std::optional<std::uint32_t> delivery_rate;                  ///< PUBLISHes a second to all clients
    std::optional<std::uint64_t> throughput_bytes;               ///< payload bytes a second, both directions
    std::optional<std::uint32_t> topic_creation_rate_per_client; ///< new topics a minute
    std::optional<std::uint32_t> packet_bytes;
    std::optional<std::uint16_t> client_id_bytes;
    std::optional<std::uint16_t> topic_bytes;
    std::optional<std::uint32_t> subscriptions_per_client;
};

/// Limits of the store. The same keys as in messaging.yaml.
struct store_limits {
    std::optional<std::uint64_t> backlog_bytes_per_topic;
    std::optional<std::uint64_t> backlog_bytes_per_tenant;
    std::optional<std::chrono::milliseconds> ttl;
    std::optional<std::uint32_t> topics_per_tenant;
};

struct tenant_options {
    std::string profile; ///< `preview`, `ga`, or empty: the process's default
    tenant_switches switches;
    tenant_limits limits;
    store_limits store;
};

/// Reads `profile`, `switches`, `limits` and `store` of a tenant's node; marks them known. Complaints go to the node.
/// What a later version may offer (`extended`, persistent sessions, …) is refused by a sentence that says so.
tenant_options read_tenant_options(core::config_node& tenant);

} // namespace auth
