// The switches of a compatibility profile (design §3) and the limits a session enforces. A plain value, resolved once
// per tenant; sessions keep a pointer to it.
#pragma once

#include "broker/mqtt/topic_rules.hpp"
#include "common/auth/tenant_options.hpp"

#include <cstdint>

namespace broker::session {

using auth::clean_session_policy;
using auth::retain_policy;
/// How a filter that needs a feature which is not offered is answered to a 5.0 client. MQTT 5.0 section 3.2.2.3 names
/// DISCONNECT; the MQTT Service refuses the subscription and keeps the client (ref A.7, A.9).
enum class unsupported_filter_policy : std::uint8_t { refuse_subscription, disconnect };

struct session_settings {
    clean_session_policy clean_session = clean_session_policy::treat_as_clean;
    retain_policy retain = retain_policy::ignore;
    unsupported_filter_policy unsupported_filter = unsupported_filter_policy::refuse_subscription;
    bool wildcards = false;
    bool empty_client_id_assigned = true;
    bool core_topics_reserved = true;
    bool error_topic_offered = true;
    /// Payload Format Indicator 1: check that the payload is UTF-8 (answer 0x99).
    bool payload_format_checked = true;

    std::uint16_t client_id_bytes_max = 128;
    std::uint16_t topic_bytes_max = 256;
    std::uint32_t packet_bytes_max = 131'072;
    std::uint32_t subscriptions_max = 1'000;
    /// Announced to 5.0 clients as Receive Maximum: unanswered QoS 1 PUBLISHes of the client.
    std::uint16_t receive_maximum = 1'000;
    /// Unacknowledged deliveries to a 3.x client, and the most a 5.0 client may ask for.
    std::uint16_t deliveries_in_flight_3x = 64;
    std::uint16_t deliveries_in_flight_max = 1'000;
    /// 5.0 clients that ask for no keep alive get this one (0: leave them without); longer ones are cut to the maximum.
    std::uint16_t server_keep_alive_s = 300;
    std::uint16_t keep_alive_s_max = 65'535;

    mqtt::topic_limits topics() const noexcept { return {topic_bytes_max, core_topics_reserved, wildcards}; }

    /// The public preview: tenant isolation, no wildcards, flags ignored (the default).
    static session_settings preview() { return {}; }
    /// General availability: wildcards; unclean sessions, RETAIN and empty client IDs refused.
    static session_settings ga() {
        session_settings settings;
        settings.use_ga();
        return settings;
    }
    /// The switches of `ga`; limits stay.
    void use_ga() noexcept {
        clean_session = clean_session_policy::refuse_unclean;
        retain = retain_policy::refuse;
        wildcards = true;
        empty_client_id_assigned = false;
    }
};

} // namespace broker::session
