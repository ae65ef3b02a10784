// How a session ends: by the client's DISCONNECT, by a fault of the client, by take-over, shutdown or time.
#include "broker/mqtt/encoder.hpp"
#include "broker/session/pending_login.hpp"

namespace broker::session {

using mqtt::reason_code;

/// 0x00 drops the will, 0x04 and every failure publish it ([MQTT311-3.14.4-3], [MQTT5-3.14.4-3]).
void session::handle(const mqtt::disconnect_packet& packet) {
    if (session_expires_at_once_ && packet.session_expiry_s.value_or(0) != 0)
        return protocol_error("DISCONNECT sets a session expiry that CONNECT did not"); // MQTT 5.0 section 3.14.2.2.2
    phase_ = phase::closed;
    const bool will = packet.reason != reason_code::normal_disconnection;
    driver_.close(close_reason::client_disconnected, describe(packet.reason), will);
}

void session::on_malformed(const mqtt::decode_error& error) {
    if (phase_ == phase::closed) return;
    report(error.type, error.code, error.text);
    if (phase_ != phase::connected) {
        const bool wrong_version = error.code == reason_code::unsupported_protocol_version;
        // A 3.x client gets code 1 for a wrong version and nothing for a broken CONNECT ([MQTT311-3.1.4-1]). Nobody
        // knows what a client of an unknown version understands; the oldest form is the best guess.
        mqtt::connack_packet connack;
        connack.reason = carried_by(mqtt::packet_type::connack, error.code);
        if (wrong_version)
            encode_connack(driver_.outbox(), connack, mqtt::protocol_version::v3_1_1);
        else if (error.version == mqtt::protocol_version::v5)
            encode_connack(driver_.outbox(), connack, mqtt::protocol_version::v5);
    }
    end(close_reason::malformed, error.code, error.text);
}

void session::on_evicted() {
    end(close_reason::taken_over, reason_code::session_taken_over, describe(reason_code::session_taken_over));
}

void session::on_stream_lost(reason_code reason, std::string_view text, cause why) {
    if (phase_ == phase::connected && why != cause::none) report(mqtt::packet_type::none, reason, text, {}, 0, why);
    end(close_reason::stream_lost, reason, text);
}

void session::on_shutdown() {
    const std::string_view text = describe(reason_code::server_shutting_down);
    if (phase_ != phase::authenticating && phase_ != phase::claiming)
        return end(close_reason::shutdown, reason_code::server_shutting_down, text);
    send_refusal(reason_code::server_unavailable, {});
    end(close_reason::shutdown, reason_code::server_unavailable, text);
}

void session::on_administrative_action() {
    end(close_reason::administrative, reason_code::administrative_action, describe(reason_code::administrative_action));
}

void session::on_trust_withdrawn() {
    constexpr std::string_view text = "the certificate is not accepted for this tenant any more";
    if (phase_ == phase::claiming) return refuse_connect(reason_code::not_authorized, text);
    end(close_reason::trust_withdrawn, reason_code::not_authorized, text);
}

void session::on_certificate_expired() {
    constexpr std::string_view text = "the certificate's validity has ended";
    if (phase_ == phase::claiming) return refuse_connect(reason_code::not_authorized, text);
    end(close_reason::certificate_expired, reason_code::not_authorized, text);
}

void session::on_keep_alive_expired() {
    if (phase_ == phase::connected)
        report(mqtt::packet_type::none, reason_code::keep_alive_timeout, describe(reason_code::keep_alive_timeout));
    end(close_reason::keep_alive_expired, reason_code::keep_alive_timeout, describe(reason_code::keep_alive_timeout));
}

void session::on_connect_timeout() {
    if (phase_ != phase::connected)
        end(close_reason::connect_timeout, reason_code::keep_alive_timeout, "no CONNECT in time");
}

void session::on_packet_timeout() {
    if (phase_ != phase::connected) return;
    const auto text = describe(cause::packet_time);
    report(mqtt::packet_type::none, reason_code::implementation_specific_error, text, {}, 0, cause::packet_time);
    end(close_reason::packet_timeout, reason_code::implementation_specific_error, text);
}

void session::on_write_timeout() {
    if (phase_ != phase::connected) return;
    const auto text = describe(cause::too_slow);
    report(mqtt::packet_type::none, reason_code::quota_exceeded, text, {}, 0, cause::too_slow);
    end(close_reason::too_slow, reason_code::quota_exceeded, text);
}

void session::on_transport_closed() {
    if (phase_ == phase::closed) return;
    const bool was_connected = phase_ == phase::connected;
    phase_ = phase::closed;
    driver_.close(close_reason::transport_closed, "the client closed the connection", was_connected);
}

/// The only way out that may write: DISCONNECT for a connected 5.0 client, nothing for anybody else ([MQTT5-3.14.0-1]).
/// There is no will before CONNACK, so none is asked for.
void session::end(close_reason reason, reason_code code, std::string_view text, bool publish_will) {
    if (phase_ == phase::closed) return;
    const bool was_connected = phase_ == phase::connected;
    if (was_connected) {
        const reason_code told = carried_by(mqtt::packet_type::disconnect, code);
        encode_disconnect(driver_.outbox(), told, fitting(text, 4), version_);
    }
    phase_ = phase::closed;
    driver_.close(reason, text, publish_will && was_connected);
}

void session::protocol_error(std::string_view text) {
    report(mqtt::packet_type::none, reason_code::protocol_error, text);
    end(close_reason::protocol_error, reason_code::protocol_error, text);
}

} // namespace broker::session
