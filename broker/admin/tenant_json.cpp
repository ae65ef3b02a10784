#include "broker/admin/tenant_json.hpp"

namespace broker::admin {

void append_settings(core::json_writer& out, const tenant::tenant_settings& settings) {
    const auto& session = settings.session;
    const auto& rates = settings.rates;
    const bool unclean_refused = session.clean_session == session::clean_session_policy::refuse_unclean;
    const bool retain_refused = session.retain == session::retain_policy::refuse;
    out.member("profile", settings.profile).key("switches").object();
    out.member("isolation", settings.isolation == auth::isolation::device ? "device" : "tenant")
        .member("wildcards", session.wildcards)
        .member("unclean_session", unclean_refused ? "refuse" : "treat_as_clean")
        .member("retain", retain_refused ? "refuse" : "ignore")
        .member("assign_client_id", session.empty_client_id_assigned)
        .member("core_topics", session.core_topics_reserved ? "refuse" : "ordinary")
        .member("error_topic", session.error_topic_offered)
        .member("certificate_names_client", settings.certificate_names_client)
        .member("basic_authentication", settings.basic_authentication)
        .end();
    out.key("limits").object();
    out.member("connections", rates.connections)
        .member("connect_rate", rates.connect_rate)
        .member("publish_rate", rates.publish_rate)
        .member("publish_rate_per_client", rates.publish_rate_per_client)
        .member("delivery_rate", rates.delivery_rate)
        .member("throughput_bytes", rates.throughput_bytes)
        .member("topic_creation_rate_per_client", rates.topic_creation_rate_per_client)
        .member("packet_bytes", session.packet_bytes_max)
        .member("client_id_bytes", session.client_id_bytes_max)
        .member("topic_bytes", session.topic_bytes_max)
        .member("subscriptions_per_client", session.subscriptions_max)
        .end();
}

} // namespace broker::admin
