#include "broker/tenant/settings.hpp"

namespace broker::tenant {
namespace {

template <class Value> void take(const std::optional<Value>& from, Value& into) {
    if (from) into = *from;
}

/// The generation that is generally available: devices apart, hard quotas on (ref A.2, A.10). Quotas that the original
/// calls soft stay off; they can be set.
void apply_ga(tenant_settings& into) {
    into.session.use_ga();
    into.isolation = auth::isolation::device;
    into.certificate_names_client = true;
    into.rates.connections = 1000;
    into.rates.connect_rate = 100;
    into.rates.publish_rate = 1000;
    into.rates.delivery_rate = 100;
}

void apply(const auth::tenant_switches& from, tenant_settings& into) {
    take(from.isolation, into.isolation);
    take(from.clean_session, into.session.clean_session);
    take(from.retain, into.session.retain);
    take(from.wildcards, into.session.wildcards);
    take(from.assign_client_id, into.session.empty_client_id_assigned);
    take(from.core_topics_reserved, into.session.core_topics_reserved);
    take(from.error_topic, into.session.error_topic_offered);
    take(from.certificate_names_client, into.certificate_names_client);
    take(from.basic_authentication, into.basic_authentication);
}

void apply(const auth::tenant_limits& from, tenant_settings& into) {
    take(from.connections, into.rates.connections);
    take(from.connect_rate, into.rates.connect_rate);
    take(from.publish_rate, into.rates.publish_rate);
    take(from.publish_rate_per_client, into.rates.publish_rate_per_client);
    take(from.delivery_rate, into.rates.delivery_rate);
    take(from.throughput_bytes, into.rates.throughput_bytes);
    take(from.topic_creation_rate_per_client, into.rates.topic_creation_rate_per_client);
    take(from.packet_bytes, into.session.packet_bytes_max);
    take(from.client_id_bytes, into.session.client_id_bytes_max);
    take(from.topic_bytes, into.session.topic_bytes_max);
    take(from.subscriptions_per_client, into.session.subscriptions_max);
}

} // namespace

tenant_settings resolve(const tenant_defaults& defaults, const auth::tenant_options* own) {
    tenant_settings result;
    result.session = defaults.session;
    const bool own_profile = own != nullptr && !own->profile.empty();
    if (own_profile)
        result.profile = own->profile;
    else if (!defaults.options.profile.empty())
        result.profile = defaults.options.profile;
    if (result.profile == "ga") apply_ga(result);
    if (!own_profile) {
        apply(defaults.options.switches, result);
        apply(defaults.options.limits, result);
    }
    if (own != nullptr) {
        apply(own->switches, result);
        apply(own->limits, result);
    }
    return result;
}

} // namespace broker::tenant
