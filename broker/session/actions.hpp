// What a session may ask of its driver (edge/connection), and the plain values that pass between the two. All views are
// valid only during the call: a driver that needs them later copies them. A driver may answer from inside a call
// (`authenticate` may call `on_authenticated` before it returns); it must not destroy the session there.
#pragma once

#include "broker/mqtt/packet.hpp"
#include "broker/session/cause.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broker::session {

struct session_settings;

/// What CONNECT says about who is calling. User name and password are raw; broker/login makes sense of them.
struct login_request {
    std::string_view client_id;
    std::optional<std::string_view> username;
    std::optional<std::string_view> password;
    mqtt::protocol_version version = mqtt::protocol_version::unknown;
    /// The client sent none and the driver made one up ([MQTT311-3.1.3-6], [MQTT5-3.1.3-6]).
    bool client_id_assigned = false;
    bool has_will = false;
};

/// The answer to `authenticate`. On success it may bring the tenant's own settings, which replace the defaults; they
/// must outlive the session.
struct login_outcome {
    mqtt::reason_code reason = mqtt::reason_code::success;
    std::string_view text;
    const session_settings* settings = nullptr;
    cause why = cause::none; ///< of a refusal that the code alone does not tell
};

struct will_request {
    std::string_view topic;
    std::string_view payload;
    std::string_view properties; ///< raw pass-through properties
    std::uint8_t qos = 0;
    bool retain = false;
    std::uint32_t delay_s = 0;
};

struct claim_request {
    std::string_view client_id;
    std::optional<will_request> will;
};

/// The answer to `claim`; a failure becomes the CONNACK's code.
struct claim_outcome {
    mqtt::reason_code reason = mqtt::reason_code::success;
    std::string_view text;
};

/// What the client gets once it is connected; told to the driver once CONNACK is in the outbox.
struct connection_terms {
    mqtt::protocol_version version = mqtt::protocol_version::unknown;
    /// Effective keep alive; 0 = never expires. The driver closes after 1.5 times this without a packet, by
    /// `on_keep_alive_expired` ([MQTT311-3.1.2-24], [MQTT5-3.1.2-22]).
    std::uint16_t keep_alive_s = 0;
    /// How many QoS 1 messages may be unacknowledged towards the client: the stream's credit in messages.
    std::uint16_t deliveries_in_flight_max = 64;
};

struct publish_request {
    std::string_view topic;
    std::string_view payload;
    std::string_view properties; ///< raw pass-through properties, empty for 3.x
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
};

/// How a QoS 1 PUBLISH ended.
enum class publish_verdict : std::uint8_t { stored, no_subscribers, refused };
struct publish_outcome {
    publish_verdict verdict = publish_verdict::stored;
    /// Why refused (0x97 quota, 0x87, …); not looked at otherwise.
    mqtt::reason_code reason = mqtt::reason_code::success;
    std::string_view text;
    cause why = cause::none;
    std::string_view topic{}; ///< for the report; empty when it is not known any more
};

struct subscribe_request {
    std::string_view filter;
    std::uint8_t qos = 0;
    /// Messages that this client published itself do not come back for this filter ([MQTT5-3.8.3-3]).
    bool no_local = false;
};

/// `reason` is the granted QoS (0x00, 0x01) or a failure.
struct subscribe_outcome {
    mqtt::reason_code reason = mqtt::reason_code::granted_qos_0;
    /// The filter was subscribed before and is now replaced ([MQTT311-3.8.4-3], [MQTT5-3.8.4-3]).
    bool replaced = false;
    std::string_view text;
    cause why = cause::none;
    std::string_view filter{}; ///< for the report
};

/// A message for this client.
struct delivery {
    std::string_view topic;
    std::string_view payload;
    std::string_view properties;    ///< raw pass-through properties
    std::uint64_t position = 0;     ///< handed back by `acknowledge`
    std::uint32_t credit_bytes = 0; ///< what the message cost of the stream's byte credit; handed back likewise
    std::uint8_t qos = 0;
    /// True only if this same connection got it before ([MQTT311-3.3.1-3], [MQTT5-3.3.1-3]).
    bool dup = false;
};

enum class delivery_result : std::uint8_t {
    sent,          ///< QoS 0, written to the outbox and acknowledged
    awaits_puback, ///< QoS 1, acknowledged when the client does
    dropped,       ///< larger than the client takes: acknowledged, not sent ([MQTT5-3.1.2-25])
    refused,       ///< not connected, or no room in the in-flight window: nothing happened, deliver it later
};

enum class close_reason : std::uint8_t {
    client_disconnected, ///< a lawful DISCONNECT
    login_refused,       ///< CONNECT was refused
    malformed,           ///< bytes that are no packet
    protocol_error,      ///< a packet that is wrong at this place
    refused,             ///< a lawful packet the service does not take from this client (limit, reserved topic, …)
    taken_over,
    keep_alive_expired,
    connect_timeout,
    stream_lost,
    shutdown,
    transport_closed,
    administrative,  ///< an operator ended it
    packet_timeout,  ///< a packet that does not become complete
    too_slow,        ///< does not take what is sent to it
    trust_withdrawn, ///< the certificate it came with was revoked, or its trust anchor taken away
    certificate_expired,
};

/// Short names with underscores, for metrics and logs.
std::string_view name_of(close_reason reason) noexcept;

/// Something the session refused: for metrics and `$debug/$error` (ref A.9).
struct refusal {
    mqtt::packet_type packet = mqtt::packet_type::none;
    mqtt::reason_code reason = mqtt::reason_code::unspecified_error;
    std::uint16_t packet_identifier = 0;
    std::string_view topic;
    std::string_view text;
    cause why = cause::unspecified;
};

class driver {
  public:
    virtual ~driver() = default;

    /// Encoded packets are appended here; the driver flushes once per turn.
    virtual std::string& outbox() = 0;
    /// A client ID nobody else has, for a client that sent none.
    virtual std::string fresh_client_id() = 0;
    /// Answered by `session::on_authenticated`.
    virtual void authenticate(const login_request& request) = 0;
    /// Answered by `session::on_claimed`.
    virtual void claim(const claim_request& request) = 0;
    /// CONNACK is in the outbox; open the stream with this credit and arm the keep alive.
    virtual void connected(const connection_terms& terms) = 0;
    /// Asked once for each lawful PUBLISH: none, or the limit of client or tenant that it exceeds.
    virtual cause admit(const publish_request&) { return cause::none; }
    /// QoS 1 (identifier not 0): answered by `session::on_settled`, in the order of these calls. False: cannot take it
    /// now; QoS 0 is then dropped, QoS 1 refused as over quota and no `on_settled` follows. QoS 0 may be answered, with
    /// identifier 0, when it was refused.
    virtual bool publish(const publish_request& request, std::uint16_t packet_identifier) = 0;
    /// Answered by `session::on_subscribed`.
    virtual void subscribe(const subscribe_request& wanted, std::uint32_t request) = 0;
    /// Answered by `session::on_unsubscribed`.
    virtual void unsubscribe(std::string_view filter, std::uint32_t request) = 0;
    /// True if this client has exactly this filter, or has asked for it last. Asked for each filter of UNSUBSCRIBE, and
    /// of SUBSCRIBE when the client is at its limit of subscriptions.
    virtual bool has_subscription(std::string_view filter) const = 0;
    /// A delivery is done: QoS 0 written or dropped, QoS 1 acknowledged by the client. One more may come, with its
    /// bytes.
    virtual void acknowledge(std::uint64_t position, std::uint32_t credit_bytes) = 0;
    /// Flush the outbox, then close; release the claim with or without its will. Called once, the last call of a
    /// session.
    virtual void close(close_reason reason, std::string_view log_text, bool publish_will) = 0;
    /// A packet or part of it was refused; the answer to the client is already decided.
    virtual void report(const refusal&) {}

  protected:
    driver() = default;
    driver(const driver&) = default;
    driver& operator=(const driver&) = default;
};

} // namespace broker::session
