#include "broker/session/cause.hpp"

#include <array>

namespace broker::session {
namespace {

struct words {
    cause of;
    std::string_view label;
    std::string_view error;
    std::string_view sentence;
};

constexpr std::array<words, cause_count> table{{
    {cause::none, "none", "none", ""},
    {cause::unspecified, "unspecified", "unspecifiedError", ""},
    {cause::malformed_packet, "malformed_packet", "malformedPacket", ""},
    {cause::protocol_error, "protocol_error", "protocolError", ""},
    {cause::protocol_version, "protocol_version", "unsupportedProtocolVersion", ""},
    {cause::client_id, "client_id", "clientIdInvalid", ""},
    {cause::credentials, "credentials", "badCredentials", ""},
    {cause::not_authorized, "not_authorized", "notAuthorized", ""},
    {cause::authentication_method, "authentication_method", "badAuthenticationMethod", ""},
    {cause::topic_name, "topic_name", "topicNameInvalid", ""},
    {cause::topic_filter, "topic_filter", "topicFilterInvalid", ""},
    {cause::topic_alias, "topic_alias", "topicAliasInvalid", ""},
    {cause::payload_format, "payload_format", "payloadFormatInvalid", ""},
    {cause::retain, "retain", "retainNotSupported", ""},
    {cause::qos, "qos", "qosNotSupported", ""},
    {cause::shared_subscription, "shared_subscription", "sharedSubscriptionsNotSupported", ""},
    {cause::subscription_identifier, "subscription_identifier", "subscriptionIdentifiersNotSupported", ""},
    {cause::wildcard, "wildcard", "wildcardsNotSupported", ""},
    {cause::keep_alive, "keep_alive", "keepAliveExpired", ""},
    {cause::unavailable, "unavailable", "serviceUnavailable", ""},
    {cause::busy, "busy", "serviceBusy", ""},
    {cause::packet_bytes, "packet_bytes", "packetSizeLimitExceeded", "the packet is larger than this tenant allows"},
    {cause::topic_bytes, "topic_bytes", "topicLengthLimitExceeded", "the topic is longer than this service allows"},
    {cause::subscriptions, "subscriptions", "subscriptionLimitExceeded", "too many subscriptions"},
    {cause::receive_maximum, "receive_maximum", "receiveMaximumExceeded", ""},
    {cause::connections, "connections", "connectionLimitExceeded", "the tenant has as many connections as it may have"},
    {cause::connect_rate, "connect_rate", "connectionRateLimitExceeded",
     "the tenant's clients connect too often; try again later"},
    {cause::publish_rate, "publish_rate", "publishRateLimitExceeded", "the tenant's clients publish too fast"},
    {cause::publish_rate_per_client, "publish_rate_per_client", "clientPublishRateLimitExceeded",
     "this client publishes too fast"},
    {cause::delivery_rate, "delivery_rate", "deliveryRateLimitExceeded",
     "more messages for the tenant's clients than may be delivered; a QoS 0 message was dropped"},
    {cause::throughput, "throughput", "throughputLimitExceeded", "the tenant moves too many bytes"},
    {cause::topic_creation_rate, "topic_creation_rate", "topicCreationRateLimitExceeded",
     "this client begins new topics too fast"},
    {cause::open_topics, "open_topics", "openTopicLimitExceeded",
     "too many topics are in use here; try again in a minute"},
    {cause::publishes_waiting, "publishes_waiting", "waitingMessagesLimitExceeded",
     "too many messages wait to be stored"},
    {cause::topics, "topics", "topicLimitExceeded", "the tenant has as many topics as it may have"},
    {cause::topic_backlog, "topic_backlog", "topicBacklogLimitExceeded", "the topic's backlog is full"},
    {cause::tenant_backlog, "tenant_backlog", "tenantBacklogLimitExceeded", "the tenant's backlog is full"},
    {cause::disk_full, "disk_full", "storageFull", "the store's disk is full"},
    {cause::quota, "quota", "quotaExceeded", ""},
    {cause::too_slow, "too_slow", "clientTooSlow", "the client does not take what is sent to it"},
    {cause::packet_time, "packet_time", "packetTimeLimitExceeded", "a packet was begun and not completed in time"},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i)
        if (static_cast<std::size_t>(table[i].of) != i) return false;
    return true;
}
static_assert(in_order(), "the table is indexed by cause");

constexpr const words& words_of(cause why) noexcept { return table[static_cast<std::size_t>(why)]; }

} // namespace

std::string_view label_of(cause why) noexcept { return words_of(why).label; }
std::string_view error_of(cause why) noexcept { return words_of(why).error; }
std::string_view describe(cause why) noexcept { return words_of(why).sentence; }

cause cause_of(mqtt::reason_code code) noexcept {
    using mqtt::reason_code;
    switch (code) {
    case reason_code::malformed_packet: return cause::malformed_packet;
    case reason_code::protocol_error: return cause::protocol_error;
    case reason_code::unsupported_protocol_version: return cause::protocol_version;
    case reason_code::client_identifier_not_valid: return cause::client_id;
    case reason_code::bad_username_or_password: return cause::credentials;
    case reason_code::not_authorized: return cause::not_authorized;
    case reason_code::bad_authentication_method: return cause::authentication_method;
    case reason_code::server_unavailable:
    case reason_code::server_shutting_down: return cause::unavailable;
    case reason_code::server_busy: return cause::busy;
    case reason_code::keep_alive_timeout: return cause::keep_alive;
    case reason_code::topic_filter_invalid: return cause::topic_filter;
    case reason_code::topic_name_invalid: return cause::topic_name;
    case reason_code::receive_maximum_exceeded: return cause::receive_maximum;
    case reason_code::topic_alias_invalid: return cause::topic_alias;
    case reason_code::packet_too_large: return cause::packet_bytes;
    case reason_code::quota_exceeded: return cause::quota;
    case reason_code::payload_format_invalid: return cause::payload_format;
    case reason_code::retain_not_supported: return cause::retain;
    case reason_code::qos_not_supported: return cause::qos;
    case reason_code::shared_subscriptions_not_supported: return cause::shared_subscription;
    case reason_code::subscription_identifiers_not_supported: return cause::subscription_identifier;
    case reason_code::wildcard_subscriptions_not_supported: return cause::wildcard;
    default: return cause::unspecified;
    }
}

} // namespace broker::session
