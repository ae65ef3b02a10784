// CONNECT: check what every profile asks, authenticate, check what the tenant's profile asks, claim, CONNACK.
#include "broker/mqtt/encoder.hpp"
#include "broker/mqtt/utf8.hpp"
#include "broker/session/pending_login.hpp"

#include <algorithm>

namespace broker::session {

using mqtt::reason_code;

session::pending_login::pending_login(const mqtt::connect_packet& packet)
    : client_id(packet.client_id), session_expiry_s(packet.session_expiry_s), keep_alive_s(packet.keep_alive_s),
      receive_maximum(packet.receive_maximum), has_will(packet.will.has_value()), clean_start(packet.clean_start) {
    if (!has_will) return;
    const mqtt::will_message& will = *packet.will;
    std::string rebuilt;
    will_topic = will.topic;
    will_payload = will.payload;
    will_properties = mqtt::pass_through_properties(will, rebuilt);
    will_delay_s = will.delay_s;
    will_qos = will.qos;
    will_retain = will.retain;
    will_payload_is_utf8 = will.payload_is_utf8;
}

void session::handle(const mqtt::connect_packet& packet) {
    if (phase_ != phase::expects_connect) return protocol_error("second CONNECT"); // [MQTT311-3.1.0-2] [MQTT5-3.1.0-2]
    version_ = packet.version;
    client_packet_bytes_max_ = packet.packet_bytes_max;
    problem_information_ = packet.request_problem_information;
    session_expires_at_once_ = packet.session_expiry_s == 0;
    if (connect_is_refused(packet)) return;

    login_ = std::make_unique<pending_login>(packet);
    if (login_->client_id.empty()) {
        login_->client_id_assigned = true;
        login_->client_id = driver_.fresh_client_id();
    }
    phase_ = phase::authenticating;
    login_request request;
    request.client_id = login_->client_id;
    request.username = packet.username;
    request.password = packet.password;
    request.version = version_;
    request.client_id_assigned = login_->client_id_assigned;
    request.has_will = login_->has_will;
    driver_.authenticate(request);
}

/// The checks that hold in every profile.
bool session::connect_is_refused(const mqtt::connect_packet& packet) {
    if (packet.authentication_method) { // [MQTT5-4.12.0-1]
        refuse_connect(reason_code::bad_authentication_method, describe(reason_code::bad_authentication_method));
        return true;
    }
    // 3.1 knows no empty client identifier; 3.1.1 allows it only with CleanSession ([MQTT311-3.1.3-8]).
    const bool empty_allowed = is_v5() || (version_ == mqtt::protocol_version::v3_1_1 && packet.clean_start);
    if (packet.client_id.empty() && !empty_allowed) {
        refuse_connect(reason_code::client_identifier_not_valid, "the client identifier is empty");
        return true;
    }
    // No 3.x return code fits a will topic that is no topic name, so the connection ends without CONNACK
    // ([MQTT311-3.1.4-1]).
    if (!is_v5() && packet.will && (packet.will->topic.empty() || mqtt::has_wildcard(packet.will->topic))) {
        report(mqtt::packet_type::connect, reason_code::topic_name_invalid, "the will topic is no topic name",
               packet.will->topic);
        end(close_reason::malformed, reason_code::topic_name_invalid, "the will topic is no topic name", false);
        return true;
    }
    return false;
}

void session::on_authenticated(const login_outcome& outcome) {
    if (phase_ != phase::authenticating) return;
    if (is_failure(outcome.reason)) return refuse_connect(outcome.reason, outcome.text, outcome.why);
    if (outcome.settings != nullptr) settings_ = outcome.settings;
    if (settings_refuse_login() || settings_refuse_will()) return;

    phase_ = phase::claiming;
    claim_request request;
    request.client_id = login_->client_id;
    if (login_->has_will) {
        will_request will;
        will.topic = login_->will_topic;
        will.payload = login_->will_payload;
        will.properties = login_->will_properties;
        will.qos = login_->will_qos;
        will.retain = login_->will_retain;
        will.delay_s = login_->will_delay_s;
        request.will = will;
    }
    driver_.claim(request);
}

bool session::settings_refuse_login() {
    const auto refuse = [this](reason_code reason, std::string_view text) {
        refuse_connect(reason, text);
        return true;
    };
    if (login_->client_id_assigned && !settings_->empty_client_id_assigned)
        return refuse(reason_code::client_identifier_not_valid, "the client identifier is empty");
    if (!login_->client_id_assigned && login_->client_id.size() > settings_->client_id_bytes_max)
        return refuse(reason_code::client_identifier_not_valid, "the client identifier is too long");
    if (!login_->clean_start && settings_->clean_session == clean_session_policy::refuse_unclean)
        return refuse(reason_code::not_authorized, "only clean sessions are supported");
    return false;
}

/// [MQTT5-3.2.2-12], [MQTT5-3.2.2-13]; a will nobody could publish is refused now, not when it is due.
bool session::settings_refuse_will() {
    if (!login_->has_will) return false;
    const auto refuse = [this](reason_code reason, std::string_view text) {
        refuse_connect(reason, text);
        return true;
    };
    if (login_->will_qos > 1) return refuse(reason_code::qos_not_supported, "a will with QoS 2 is not supported");
    if (login_->will_retain && settings_->retain == retain_policy::refuse)
        return refuse(reason_code::retain_not_supported, "a retained will is not supported");
    const mqtt::topic_verdict verdict = check_topic_name(login_->will_topic, settings_->topics());
    if (verdict == mqtt::topic_verdict::too_long) {
        refuse_connect(reason_code::quota_exceeded, describe(verdict), cause::topic_bytes);
        return true;
    }
    if (verdict != mqtt::topic_verdict::valid) return refuse(reason_code::topic_name_invalid, describe(verdict));
    if (login_->will_payload_is_utf8 && settings_->payload_format_checked && !mqtt::is_utf8(login_->will_payload))
        return refuse(reason_code::payload_format_invalid, describe(reason_code::payload_format_invalid));
    return false;
}

void session::on_claimed(const claim_outcome& outcome) {
    if (phase_ != phase::claiming) return;
    if (is_failure(outcome.reason)) return refuse_connect(outcome.reason, outcome.text);
    accept();
}

/// Only a 5.0 client can be told another keep alive, so a 3.x client keeps its own ([MQTT5-3.2.2-22]).
std::uint16_t session::effective_keep_alive() const noexcept {
    if (!is_v5()) return login_->keep_alive_s;
    if (login_->keep_alive_s == 0) return settings_->server_keep_alive_s;
    return std::min(login_->keep_alive_s, settings_->keep_alive_s_max);
}

/// What a 5.0 client is told about this service; `encode_connack` leaves it out for 3.x.
mqtt::connack_packet session::announcement() const {
    mqtt::connack_packet connack;
    const std::uint16_t keep_alive_s = effective_keep_alive();
    if (keep_alive_s != login_->keep_alive_s) connack.server_keep_alive_s = keep_alive_s;
    if (login_->session_expiry_s != 0) connack.session_expiry_s = 0; // no session outlives its connection
    connack.receive_maximum = settings_->receive_maximum;
    connack.maximum_qos = 1;
    if (settings_->retain == retain_policy::refuse) connack.retain_available = false;
    connack.packet_bytes_max = settings_->packet_bytes_max;
    connack.wildcard_subscription_available = settings_->wildcards;
    connack.subscription_identifiers_available = false;
    connack.shared_subscription_available = false;
    if (login_->client_id_assigned) connack.assigned_client_id = login_->client_id;
    return connack;
}

void session::accept() {
    std::string bytes;
    encode_connack(bytes, announcement(), version_);
    if (bytes.size() > client_packet_bytes_max_) { // [MQTT5-3.1.2-24]
        report(mqtt::packet_type::connect, reason_code::packet_too_large,
               "the client's maximum packet size has no room for CONNACK", {}, 0, cause::unspecified);
        return end(close_reason::login_refused, reason_code::packet_too_large,
                   "the client's maximum packet size has no room for CONNACK", false);
    }
    connection_terms terms;
    terms.version = version_;
    terms.keep_alive_s = effective_keep_alive();
    terms.deliveries_in_flight_max = is_v5() ? std::min(login_->receive_maximum, settings_->deliveries_in_flight_max)
                                             : settings_->deliveries_in_flight_3x;
    deliveries_.limit(terms.deliveries_in_flight_max);
    login_.reset();
    phase_ = phase::connected;
    // CONNACK goes first: a driver may deliver from inside `connected`.
    driver_.outbox().append(bytes);
    driver_.connected(terms);
}

void session::refuse_connect(reason_code reason, std::string_view text, cause why) {
    report(mqtt::packet_type::connect, reason, text, {}, 0, why);
    if (is_v5() || !drops_silently(why)) send_refusal(reason, text);
    end(close_reason::login_refused, reason, text, false);
}

/// CONNACK with a failure, unless the client's Maximum Packet Size has no room for it ([MQTT5-3.1.2-24]).
void session::send_refusal(reason_code reason, std::string_view text) {
    constexpr std::size_t bytes = 5;
    if (bytes > client_packet_bytes_max_) return;
    mqtt::connack_packet connack;
    connack.reason = carried_by(mqtt::packet_type::connack, reason);
    connack.reason_string = fitting(text, bytes);
    encode_connack(driver_.outbox(), connack, version_);
}

} // namespace broker::session
