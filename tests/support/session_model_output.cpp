// What comes out: the packets the client gets, and what must hold between two events.
#include "tests/support/session_model.hpp"

#include <algorithm>

namespace session_model {

using namespace broker;
using session::close_reason;
using session::delivery_result;

namespace {

std::size_t whole_size(std::size_t remaining) {
    return 1 + (remaining < 128 ? 1U : remaining < 16'384 ? 2U : remaining < 2'097'152 ? 3U : 4U) + remaining;
}

std::size_t size_of(const session::delivery& message, bool v5) {
    const std::size_t properties = message.properties.size();
    return whole_size(2 + message.topic.size() + (message.qos == 0 ? 0 : 2) + (v5 ? whole_size(properties) - 1 : 0) +
                      message.payload.size());
}

} // namespace

void model::read_output() {
    std::size_t at = 0;
    while (at < out_.size()) {
        const auto found = mqtt::decode(core::as_bytes(out_).subspan(at), version_, 0xFFFFFFFF);
        require(found.consumed != 0, "the client gets bytes that are no packet");
        require(!disconnect_seen_, "a packet after DISCONNECT");
        require(connack_seen_ || mqtt::type_of(found.value) == mqtt::packet_type::connack, "the first is not CONNACK");
        require(!is_v5() || found.consumed <= client_bytes_max_, "larger than the client's Maximum Packet Size");
        read_packet(found.value);
        at += found.consumed;
    }
    if (closed_) require(out_.size() == out_at_close_, "bytes after the end");
    bytes_received_ += out_.size();
    out_at_close_ = 0;
    out_.clear();
    check_delivery();
    closed_ ? check_closed() : check_state();
}

void model::read_packet(const mqtt::packet& value) {
    switch (mqtt::type_of(value)) {
    case mqtt::packet_type::connack: return read(*std::get_if<mqtt::connack_packet>(&value));
    case mqtt::packet_type::publish: return read(*std::get_if<mqtt::publish_packet>(&value));
    case mqtt::packet_type::puback: return read(*std::get_if<mqtt::puback_packet>(&value));
    case mqtt::packet_type::suback: return read(*std::get_if<mqtt::suback_packet>(&value));
    case mqtt::packet_type::unsuback: return read(*std::get_if<mqtt::unsuback_packet>(&value));
    case mqtt::packet_type::disconnect: return read(*std::get_if<mqtt::disconnect_packet>(&value));
    case mqtt::packet_type::pingresp: return require(pings_-- != 0, "PINGRESP to nothing");
    case mqtt::packet_type::pubcomp: return require(releases_-- != 0, "PUBCOMP to nothing");
    default: throw violation("a packet that a server does not send");
    }
}

void model::read(const mqtt::connack_packet& value) {
    require(!connack_seen_, "a second CONNACK");
    connack_seen_ = true;
    require(!value.session_present, "a session that does not exist");
    if (!is_failure(value.reason)) {
        require(connected_, "CONNACK before login and claim");
        if (!is_v5()) return;
        require(value.receive_maximum == settings_->receive_maximum, "another Receive Maximum announced");
        return require(value.maximum_qos == 1, "another Maximum QoS announced");
    }
    require(closed_ && !connected_, "a refused client that stays");
    told_ = value.reason;
    if (expected_told_) require(told_ == expected_told_, "CONNACK with another code");
}

void model::read(const mqtt::publish_packet& value) {
    require(due_ && !due_seen_, "a PUBLISH that was not delivered");
    due_seen_ = true;
    require(value.topic == due_->topic && value.payload == due_->payload && value.qos == due_->qos,
            "another message than delivered");
    require(!is_v5() || value.properties == due_->properties, "other properties than delivered");
    require(!value.retain && (!value.dup || (due_->dup && value.qos != 0)), "RETAIN or DUP without a reason");
    if (value.qos == 0) return;
    const bool used = std::any_of(deliveries_.begin(), deliveries_.end(), [&value](const in_flight& each) {
        return each.packet_identifier == value.packet_identifier;
    });
    require(!used, "a packet identifier in use");
    deliveries_.push_back({value.packet_identifier, due_->position, due_->credit_bytes});
    require(deliveries_.size() <= deliveries_max_, "more in flight than the Receive Maximum");
}

void model::read(const mqtt::puback_packet& value) {
    require(!receipts_.empty(), "PUBACK to nothing");
    const receipt& oldest = receipts_.front();
    require(value.packet_identifier == oldest.packet_identifier, "PUBACK out of order");
    if (oldest.state == receipt_state::settled) {
        if (is_v5()) require(value.reason == oldest.expected, "PUBACK with another code");
        require(value.reason_string.empty() || value.reason_string == oldest.text, "PUBACK with another's text");
    } else {
        require(oldest.state == receipt_state::refused_here, "PUBACK before the message is stored");
        require(is_failure(value.reason), "PUBACK with success for what was not stored");
        require(!value.reason_string.starts_with("store "), "PUBACK with another's text");
    }
    require(value.reason_string.empty() || problem_information_, "a reason string the client does not want");
    receipts_.erase(receipts_.begin());
}

void model::read(const mqtt::suback_packet& value) {
    require(value.reason_string.empty() || problem_information_, "a reason string the client does not want");
    read_answer(value.packet_identifier, false, value.codes);
}

void model::read(const mqtt::unsuback_packet& value) {
    require(value.reason_string.empty() || problem_information_, "a reason string the client does not want");
    read_answer(value.packet_identifier, true, value.codes);
}

/// A client that uses an identifier twice cannot tell the answers apart either: one that fits is enough.
void model::read_answer(std::uint16_t packet_identifier, bool unsubscribe, std::string_view codes) {
    const auto fits = [&](const group& each) {
        if (each.packet_identifier != packet_identifier || each.unsubscribe != unsubscribe || each.unanswered != 0)
            return false;
        if (unsubscribe && !is_v5()) return codes.empty();
        if (codes.size() != each.codes.size()) return false;
        for (std::size_t i = 0; i < codes.size(); ++i)
            if (!code_fits(each, i, codes[i])) return false;
        return true;
    };
    const auto found = std::find_if(groups_.begin(), groups_.end(), fits);
    require(found != groups_.end(), "SUBACK or UNSUBACK that answers nothing");
    groups_.erase(found);
}

bool model::code_fits(const group& asked, std::size_t slot, char got) const {
    const auto code = static_cast<std::uint8_t>(got);
    const auto answered = static_cast<std::uint8_t>(asked.codes[slot]);
    const bool refused_here = asked.codes[slot] == not_asked;
    if (asked.unsubscribe) return refused_here ? code == 0x11 || code >= 0x80 : code == answered;
    if (!refused_here && answered < 0x80) return code == answered;
    if (version_ == mqtt::protocol_version::v3_1) return code <= 1; // it has no code for a failure
    if (!is_v5()) return code == 0x80;
    if (refused_here) return code >= 0x80;
    return static_cast<reason_code>(code) == carried_by(mqtt::packet_type::suback, static_cast<reason_code>(answered));
}

void model::read(const mqtt::disconnect_packet& value) {
    require(is_v5(), "DISCONNECT to a 3.x client");
    require(connected_ && closed_, "DISCONNECT to a client that stays or never came");
    require(is_failure(value.reason), "DISCONNECT without a reason");
    disconnect_seen_ = true;
    told_ = value.reason;
    if (expected_told_) return require(told_ == expected_told_, "DISCONNECT with another code"); // whatever the reason
    if (told_ == reason_code::receive_maximum_exceeded)
        require(receipts_.size() > settings_->receive_maximum, "the Receive Maximum was not exceeded");
    if (told_ == reason_code::packet_too_large && !malformed_) {
        const bool large = std::any_of(groups_.begin(), groups_.end(), [this](const group& each) {
            return each.unanswered == 0 && whole_size(3 + each.codes.size()) > client_bytes_max_;
        });
        require(large, "the answer would have fitted");
    }
}

void model::check_delivery() {
    if (!due_) return;
    const session::delivery message = *due_;
    due_.reset();
    switch (due_result_) {
    case delivery_result::refused:
        require(!due_seen_ && !acknowledged_, "a refused delivery that happened");
        require(!connected_ || (message.qos != 0 && deliveries_.size() >= deliveries_max_), "refused without a reason");
        break;
    case delivery_result::dropped:
        require(!due_seen_ && acknowledged_, "a dropped delivery that happened, or is never acknowledged");
        require(size_of(message, is_v5()) > client_bytes_max_, "dropped without a reason");
        break;
    case delivery_result::sent: require(message.qos == 0 && due_seen_ && acknowledged_, "QoS 0 and not done"); break;
    case delivery_result::awaits_puback:
        require(message.qos != 0 && due_seen_ && !acknowledged_, "QoS 1 and not waiting");
        break;
    }
}

void model::check_state() {
    const session::session& now = *session_;
    require(!now.closed() && now.connected() == connected_, "the session and its driver disagree");
    require(pings_ == 0 && releases_ == 0, "a packet without its answer");
    require(now.publishes_in_flight() == receipts_.size(), "another number of unanswered PUBLISHes");
    require(now.deliveries_in_flight() == deliveries_.size(), "another number of deliveries in flight");
    if (!receipts_.empty()) {
        const receipt_state oldest = receipts_.front().state;
        require(oldest == receipt_state::waits, "PUBACK is due and not sent");
        require(!is_v5() || receipts_.size() <= settings_->receive_maximum, "more than the Receive Maximum taken");
    }
    for (const group& each : groups_) require(each.unanswered != 0, "SUBACK or UNSUBACK is due and not sent");
    if (connect_seen_ && !connected_) require(login_open_ || claim_open_, "half connected and nothing is asked");
    if (now.waiting())
        require(login_open_ || claim_open_ || !open_.empty() || !receipts_.empty(), "waiting for nothing");
}

void model::check_closed() {
    require(session_->closed() && session_->waiting(), "the session and its driver disagree");
    const bool silent =
        close_reason_ == close_reason::client_disconnected || close_reason_ == close_reason::transport_closed;
    require(disconnect_seen_ == (is_v5() && connected_ && !silent), "DISCONNECT is missing or too much");
    if (!connected_)
        require(connack_seen_ == told_.has_value(), "CONNACK says success and the client is not connected");
    if (close_reason_ == close_reason::login_refused && !connack_seen_)
        require(is_v5() && client_bytes_max_ < 128, "refused without CONNACK");
}

} // namespace session_model
