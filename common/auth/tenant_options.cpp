#include "common/auth/tenant_options.hpp"

#include "common/core/config_node.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace auth {
namespace {

template <class Value> struct word {
    std::string_view name;
    Value value;
};

template <class Value, std::size_t Count>
void read_word(core::config_node switches, std::string_view key, const std::array<word<Value>, Count>& words,
               std::string_view later, std::optional<Value>& into) {
    auto node = switches.child(key);
    if (!node.exists()) return;
    const std::string text = node.text();
    std::string known;
    for (const auto& one : words) {
        if (text == one.name) {
            into = one.value;
            return;
        }
        known += (known.empty() ? "" : " or ") + std::string(one.name);
    }
    if (!later.empty() && text == later)
        node.complain("`" + text + "` is not offered by this version; use " + known);
    else
        node.complain("must be " + known);
}

void read_flag(core::config_node switches, std::string_view key, std::optional<bool>& into) {
    bool value = false;
    if (switches.read(key, value)) into = value;
}

/// Features of the profile `extended`: asking for one is no mistake of spelling and deserves a sentence of its own.
void refuse_later(core::config_node switches, std::string_view key) {
    bool wanted = false;
    if (switches.read(key, wanted) && wanted) switches.child(key).complain("is not offered by this version");
}

template <class Number> void read_limit(core::config_node limits, std::string_view key, std::optional<Number>& into) {
    Number value{};
    if (limits.read(key, value)) into = value;
}

template <class Number> void read_size(core::config_node limits, std::string_view key, std::optional<Number>& into) {
    std::uint64_t value = 0;
    if (!limits.read_bytes(key, value)) return;
    if (!std::in_range<Number>(value)) {
        limits.child(key).complain("is too large");
        return;
    }
    into = static_cast<Number>(value);
}

void read_profile(core::config_node node, std::string& into) {
    if (!node.exists()) return;
    into = node.text();
    if (into == "extended")
        node.complain("the profile `extended` is not offered by this version; must be preview or ga");
    else if (into != "preview" && into != "ga")
        node.complain("must be preview or ga");
}

void read_switches(core::config_node node, tenant_switches& into) {
    constexpr std::array isolations{word{"tenant", isolation::tenant}, word{"device", isolation::device}};
    constexpr std::array sessions{word{"treat_as_clean", clean_session_policy::treat_as_clean},
                                  word{"refuse", clean_session_policy::refuse_unclean}};
    constexpr std::array retains{word{"ignore", retain_policy::ignore}, word{"refuse", retain_policy::refuse}};
    constexpr std::array core_topics{word{"refuse", true}, word{"ordinary", false}};
    read_word(node, "isolation", isolations, "", into.isolation);
    read_word(node, "unclean_session", sessions, "persistent", into.clean_session);
    read_word(node, "retain", retains, "store", into.retain);
    read_flag(node, "wildcards", into.wildcards);
    read_flag(node, "assign_client_id", into.assign_client_id);
    read_word(node, "core_topics", core_topics, "platform", into.core_topics_reserved);
    read_flag(node, "error_topic", into.error_topic);
    read_flag(node, "certificate_names_client", into.certificate_names_client);
    read_flag(node, "basic_authentication", into.basic_authentication);
    for (const std::string_view key : {"qos2", "shared_subscriptions", "subscription_identifiers", "topic_aliases",
                                       "message_expiry", "session_expiry", "will_delay"})
        refuse_later(node, key);
    node.finish();
}

void read_limits(core::config_node node, tenant_limits& into) {
    read_limit(node, "connections", into.connections);
    read_limit(node, "connect_rate", into.connect_rate);
    read_limit(node, "publish_rate", into.publish_rate);
    read_limit(node, "publish_rate_per_client", into.publish_rate_per_client);
    read_limit(node, "delivery_rate", into.delivery_rate);
    read_size(node, "throughput_bytes", into.throughput_bytes);
    read_limit(node, "topic_creation_rate_per_client", into.topic_creation_rate_per_client);
    read_size(node, "packet_bytes", into.packet_bytes);
    if (into.packet_bytes && (*into.packet_bytes < 1024 || *into.packet_bytes > 255 * 1024))
        node.child("packet_bytes").complain("must be from 1KiB to 255KiB");
    read_limit(node, "client_id_bytes", into.client_id_bytes);
    read_limit(node, "topic_bytes", into.topic_bytes);
    read_limit(node, "subscriptions_per_client", into.subscriptions_per_client);
    node.finish();
}

void read_store(core::config_node node, store_limits& into) {
    read_size(node, "backlog_bytes_per_topic", into.backlog_bytes_per_topic);
    read_size(node, "backlog_bytes_per_tenant", into.backlog_bytes_per_tenant);
    std::chrono::milliseconds ttl{};
    if (node.read("ttl", ttl)) into.ttl = ttl;
    read_limit(node, "topics_per_tenant", into.topics_per_tenant);
    node.finish();
}

} // namespace

tenant_options read_tenant_options(core::config_node& tenant) {
    tenant_options options;
    read_profile(tenant.child("profile"), options.profile);
    read_switches(tenant.child("switches"), options.switches);
    read_limits(tenant.child("limits"), options.limits);
    read_store(tenant.child("store"), options.store);
    return options;
}

} // namespace auth
