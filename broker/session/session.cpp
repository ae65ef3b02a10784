#include "broker/session/session.hpp"

#include "broker/mqtt/encoder.hpp"
#include "broker/session/pending_login.hpp"

#include <cassert>

namespace broker::session {
namespace {

/// Requests the driver may be working on for one client before it stops reading from it.
constexpr std::uint32_t unanswered_requests_max = 256;
/// A 3.x client has no Receive Maximum; its identifiers are the bound.
constexpr std::size_t receipts_max = 65'535;
/// Identifier and length of a Reason String, and what both length fields around it may grow by.
constexpr std::size_t reason_string_overhead = 3 + 6;

} // namespace

std::string_view name_of(close_reason reason) noexcept {
    switch (reason) {
    case close_reason::client_disconnected: return "client_disconnected";
    case close_reason::login_refused: return "login_refused";
    case close_reason::malformed: return "malformed";
    case close_reason::protocol_error: return "protocol_error";
    case close_reason::refused: return "refused";
    case close_reason::taken_over: return "taken_over";
    case close_reason::keep_alive_expired: return "keep_alive_expired";
    case close_reason::connect_timeout: return "connect_timeout";
    case close_reason::stream_lost: return "stream_lost";
    case close_reason::shutdown: return "shutdown";
    case close_reason::transport_closed: return "transport_closed";
    case close_reason::administrative: return "administrative";
    case close_reason::packet_timeout: return "packet_timeout";
    case close_reason::too_slow: return "too_slow";
    case close_reason::trust_withdrawn: return "trust_withdrawn";
    case close_reason::certificate_expired: return "certificate_expired";
    }
    return "unknown";
}

session::session(driver& driver, const session_settings& settings) noexcept : driver_(driver), settings_(&settings) {}
session::~session() = default;

bool session::waiting() const noexcept {
    return (phase_ != phase::connected && phase_ != phase::expects_connect) ||
           unanswered_requests_ >= unanswered_requests_max || receipts_.size() >= receipts_max;
}

void session::on_packet(const mqtt::packet& packet) {
    if (phase_ == phase::closed) return;
    assert(phase_ == phase::connected || phase_ == phase::expects_connect); // see waiting()
    using mqtt::packet_type;
    const packet_type type = type_of(packet);
    if (phase_ != phase::connected && type != packet_type::connect) // [MQTT311-3.1.0-1] [MQTT5-3.1.0-1]
        return protocol_error("the first packet is not CONNECT");
    switch (type) {
    case packet_type::publish: return handle(*std::get_if<mqtt::publish_packet>(&packet));
    case packet_type::puback: return handle(*std::get_if<mqtt::puback_packet>(&packet));
    case packet_type::pubrel: return handle(*std::get_if<mqtt::pubrel_packet>(&packet));
    case packet_type::subscribe: return handle(*std::get_if<mqtt::subscribe_packet>(&packet));
    case packet_type::unsubscribe: return handle(*std::get_if<mqtt::unsubscribe_packet>(&packet));
    case packet_type::pingreq: return mqtt::encode_pingresp(driver_.outbox()); // [MQTT311-3.12.4-1] [MQTT5-3.12.4-1]
    case packet_type::disconnect: return handle(*std::get_if<mqtt::disconnect_packet>(&packet));
    case packet_type::connect: return handle(*std::get_if<mqtt::connect_packet>(&packet));
    case packet_type::auth: return protocol_error("AUTH without an authentication method"); // [MQTT5-4.12.0-7]
    default: return protocol_error("a packet that a client may not send here");
    }
}

void session::release_idle_memory() noexcept {
    receipts_.release_memory();
    deliveries_.release_memory();
    if (requests_.empty()) std::vector<pending_request>().swap(requests_);
    std::string().swap(scratch_);
}

void session::report(mqtt::packet_type packet, mqtt::reason_code reason, std::string_view text, std::string_view topic,
                     std::uint16_t packet_identifier, cause why) {
    refusal what;
    what.packet = packet;
    what.reason = reason;
    what.packet_identifier = packet_identifier;
    what.topic = topic;
    what.text = text;
    what.why = why == cause::none ? cause_of(reason) : why;
    driver_.report(what);
}

std::string_view session::fitting(std::string_view text, std::size_t other_bytes) const noexcept {
    return other_bytes + reason_string_overhead + text.size() <= client_packet_bytes_max_ ? text : std::string_view{};
}

std::string_view session::problem(std::string_view text, std::size_t other_bytes) const noexcept {
    return problem_information_ ? fitting(text, other_bytes) : std::string_view{};
}

} // namespace broker::session
