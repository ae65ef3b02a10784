// PUBLISH from the client and its PUBACK; deliveries to the client and the client's PUBACK.
#include "broker/mqtt/encoder.hpp"
#include "broker/mqtt/utf8.hpp"
#include "broker/session/session.hpp"

namespace broker::session {

using mqtt::reason_code;
using mqtt::topic_verdict;

void session::handle(const mqtt::publish_packet& packet) {
    const topic_verdict verdict = check_topic_name(packet.topic, settings_->topics());
    if (publish_breaks_protocol(packet, verdict)) return;
    // A repeat of what is still being stored needs no second copy: the one PUBACK to come answers both. After that
    // PUBACK the same identifier is a new message whatever DUP says ([MQTT311-4.3.2-2], [MQTT5-4.3.2-5]).
    if (packet.dup && receipts_.contains(packet.packet_identifier)) return;
    if (packet.qos != 0 && is_v5() && receipts_.size() >= settings_->receive_maximum) { // [MQTT5-3.3.4-7]
        report(mqtt::packet_type::publish, reason_code::receive_maximum_exceeded,
               describe(reason_code::receive_maximum_exceeded), packet.topic, packet.packet_identifier);
        return end(close_reason::protocol_error, reason_code::receive_maximum_exceeded,
                   describe(reason_code::receive_maximum_exceeded));
    }
    if (publish_is_refused(packet, verdict)) return;

    publish_request request;
    request.topic = packet.topic;
    request.payload = packet.payload;
    if (!packet.properties.empty()) request.properties = pass_through_properties(packet, scratch_);
    request.qos = packet.qos;
    request.dup = packet.dup;
    request.retain = packet.retain;
    if (const cause limit = driver_.admit(request); limit != cause::none) return refuse_over_limit(packet, limit);
    if (packet.qos == 0) {
        (void)driver_.publish(request, 0); // what it could not take of QoS 0 is dropped and counted there
        return;
    }
    receipts_.push({packet.packet_identifier, reason_code::success, false});
    if (driver_.publish(request, packet.packet_identifier) || phase_ == phase::closed) return;
    receipts_.pop_back();
    refuse_publish(packet, reason_code::quota_exceeded, describe(cause::publishes_waiting), cause::publishes_waiting);
}

/// What ends the connection in every version; 5.0 names the reason.
bool session::publish_breaks_protocol(const mqtt::publish_packet& packet, topic_verdict verdict) {
    auto reason = reason_code::success;
    if (packet.qos == 2)
        reason = reason_code::qos_not_supported; // [MQTT5-3.2.2-11]
    else if (packet.retain && settings_->retain == retain_policy::refuse)
        reason = reason_code::retain_not_supported;
    else if (packet.has_topic_alias)
        reason = reason_code::topic_alias_invalid; // [MQTT5-3.2.2-18]
    else if (packet.has_subscription_identifier)
        reason = reason_code::protocol_error; // [MQTT5-3.3.4-6]
    else if (verdict == topic_verdict::empty)
        reason = reason_code::protocol_error;
    else if (verdict == topic_verdict::wildcard)
        reason = reason_code::topic_name_invalid; // [MQTT311-3.3.2-2]
    if (reason == reason_code::success) return false;
    report(mqtt::packet_type::publish, reason, describe(reason), packet.topic, packet.packet_identifier);
    end(close_reason::protocol_error, reason, describe(reason));
    return true;
}

/// What is a lawful PUBLISH but not taken by this service (ref A.8, A.9).
bool session::publish_is_refused(const mqtt::publish_packet& packet, topic_verdict verdict) {
    if (verdict == topic_verdict::too_long)
        refuse_publish(packet, reason_code::quota_exceeded, describe(verdict), cause::topic_bytes);
    else if (verdict != topic_verdict::valid)
        refuse_publish(packet, reason_code::topic_name_invalid, describe(verdict));
    else if (packet.payload_is_utf8 && settings_->payload_format_checked && !mqtt::is_utf8(packet.payload))
        refuse_publish(packet, reason_code::payload_format_invalid, describe(reason_code::payload_format_invalid));
    else
        return false;
    return true;
}

/// 5.0: PUBACK with the code, in its turn; QoS 0 is dropped, there is no answer. 3.x has no way to say no: close.
void session::refuse_publish(const mqtt::publish_packet& packet, reason_code reason, std::string_view text, cause why) {
    report(mqtt::packet_type::publish, reason, text, packet.topic, packet.packet_identifier, why);
    if (!is_v5()) return end(close_reason::refused, reason, text);
    if (packet.qos == 0) return;
    receipts_.push({packet.packet_identifier, carried_by(mqtt::packet_type::puback, reason), true, why});
    answer_receipts(text);
}

/// Over a rate QoS 0 is lost in every version; a 3.x client that may have no more topics is sent away whatever the QoS
/// (ref A.8, A.9).
void session::refuse_over_limit(const mqtt::publish_packet& packet, cause limit) {
    const bool of_topics = limit == cause::topic_creation_rate || limit == cause::open_topics;
    if (packet.qos == 0 && !of_topics)
        report(mqtt::packet_type::publish, reason_code::quota_exceeded, describe(limit), packet.topic, 0, limit);
    else
        refuse_publish(packet, reason_code::quota_exceeded, describe(limit), limit);
}

/// A QoS 0 message that the store did not take: there is no answer, but the client may read why.
void session::on_dropped(const publish_outcome& outcome) {
    if (outcome.verdict != publish_verdict::refused) return;
    report(mqtt::packet_type::publish, outcome.reason, outcome.text, outcome.topic, 0, outcome.why);
    if (!is_v5() && outcome.why == cause::topics) end(close_reason::refused, outcome.reason, outcome.text); // ref A.8
}

void session::on_settled(std::uint16_t packet_identifier, const publish_outcome& outcome) {
    if (phase_ != phase::connected) return;
    if (packet_identifier == 0) return on_dropped(outcome);
    auto reason = reason_code::success;
    if (outcome.verdict == publish_verdict::no_subscribers) reason = reason_code::no_matching_subscribers;
    if (outcome.verdict == publish_verdict::refused) {
        reason = is_failure(outcome.reason) ? carried_by(mqtt::packet_type::puback, outcome.reason)
                                            : reason_code::unspecified_error;
        report(mqtt::packet_type::publish, reason, outcome.text, outcome.topic, packet_identifier, outcome.why);
        // The client publishes it again on its next connection ([MQTT311-3.3.5-2]).
        if (!is_v5()) return end(close_reason::refused, reason, outcome.text);
    }
    if (receipts_.answer(packet_identifier, reason, outcome.why)) answer_receipts(outcome.text);
}

/// Sends the PUBACKs whose turn has come. `text` says why the oldest was refused; those behind it were refused before,
/// had to wait for it, and say it by their cause.
void session::answer_receipts(std::string_view text) {
    std::string& out = driver_.outbox();
    while (!receipts_.empty() && receipts_.front().answered) {
        const receipt_window::receipt& next = receipts_.front();
        std::string_view why;
        if (is_failure(next.reason)) why = problem(text, 5);
        encode_puback(out, next.packet_identifier, next.reason, why, version_);
        receipts_.pop();
        if (receipts_.empty()) break;
        text = describe(receipts_.front().why);
        if (text.empty()) text = describe(receipts_.front().reason);
    }
}

delivery_result session::on_deliver(const delivery& message) {
    if (phase_ != phase::connected || (message.qos != 0 && deliveries_.full())) return delivery_result::refused;
    mqtt::outgoing_publish outgoing;
    outgoing.topic = message.topic;
    outgoing.properties = message.properties;
    outgoing.payload = message.payload;
    outgoing.qos = message.qos == 0 ? 0 : 1;
    outgoing.dup = message.dup && message.qos != 0;
    const std::size_t size = encoded_size(outgoing, version_);
    if (size == 0 || size > client_packet_bytes_max_) { // [MQTT5-3.1.2-25]
        driver_.acknowledge(message.position, message.credit_bytes);
        return delivery_result::dropped;
    }
    if (outgoing.qos != 0) outgoing.packet_identifier = deliveries_.add({message.position, message.credit_bytes});
    encode_publish(driver_.outbox(), outgoing, version_);
    if (outgoing.qos != 0) return delivery_result::awaits_puback;
    driver_.acknowledge(message.position, message.credit_bytes);
    return delivery_result::sent;
}

/// A PUBACK with a failure settles the delivery like any other ([MQTT5-4.4.0-2]); one for nothing we sent is ignored.
void session::handle(const mqtt::puback_packet& packet) {
    const auto ended = deliveries_.remove(packet.packet_identifier);
    if (ended) driver_.acknowledge(ended->position, ended->credit_bytes);
}

/// No QoS 2 message is ever taken, so none can be released; the client still gets its answer.
void session::handle(const mqtt::pubrel_packet& packet) {
    encode_pubcomp(driver_.outbox(), packet.packet_identifier, reason_code::packet_identifier_not_found, version_);
}

} // namespace broker::session
