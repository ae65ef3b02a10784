// One client's protocol state: packets and events in, calls on the driver and encoded bytes out. No I/O, no clock, no
// threads, no allocation per message. The driver decodes while `waiting()` is false, hands in each packet, and tells
// what became of the requests it was given. After `driver::close` every further event is ignored.
#pragma once

#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/packet.hpp"
#include "broker/session/actions.hpp"
#include "broker/session/inflight.hpp"
#include "broker/session/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace broker::session {

class session {
  public:
    /// `settings` (the process defaults until login brings the tenant's own) and `driver` outlive the session.
    session(driver& driver, const session_settings& settings) noexcept;
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // What the decoder needs.
    mqtt::protocol_version version() const noexcept { return version_; }
    std::uint32_t packet_bytes_max() const noexcept { return settings_->packet_bytes_max; }
    /// True while the driver must not decode further packets: login or claim is under way, too many requests are
    /// unanswered, or the session is closed. Any `on_…` answer may end it, so look again after each.
    bool waiting() const noexcept;
    bool connected() const noexcept { return phase_ == phase::connected; }
    bool closed() const noexcept { return phase_ == phase::closed; }

    // From the client.
    void on_packet(const mqtt::packet& packet);
    void on_malformed(const mqtt::decode_error& error);

    // Answers to what the driver was asked.
    void on_authenticated(const login_outcome& outcome);
    void on_claimed(const claim_outcome& outcome);
    void on_settled(std::uint16_t packet_identifier, const publish_outcome& outcome);
    void on_subscribed(std::uint32_t request, const subscribe_outcome& outcome);
    void on_unsubscribed(std::uint32_t request, bool existed);

    // From the stream.
    delivery_result on_deliver(const delivery& message);
    /// Another connection took the client ID over: 5.0 gets 0x8E ([MQTT311-3.1.4-2], [MQTT5-3.1.4-3]). Its
    /// will is due; whoever superseded the claim holds it, so releasing the old claim may have nothing left to do.
    void on_evicted();
    /// The stream with the client's subscriptions ended and cannot be resumed. `why`: it is the client's fault.
    void on_stream_lost(mqtt::reason_code reason, std::string_view text, cause why = cause::none);

    // From the process and its clock.
    void on_shutdown();
    /// An operator ends the connection: 5.0 gets 0x98, the will is published as for every close by the server
    /// ([MQTT311-3.1.2-8], [MQTT5-3.1.2-8]).
    void on_administrative_action();
    /// The client would not be let in any more: 5.0 gets 0x87, the will is published as for every close by the server
    /// ([MQTT311-3.1.2-8], [MQTT5-3.1.2-8]).
    void on_trust_withdrawn();
    void on_certificate_expired();
    void on_keep_alive_expired();
    /// No CONNECT arrived in time.
    void on_connect_timeout();
    /// A packet was begun and does not become complete.
    void on_packet_timeout();
    /// The client takes nothing of what is sent to it.
    void on_write_timeout();
    /// The client's side of the connection is gone.
    void on_transport_closed();
    /// Gives back memory of windows that are empty; for quiet moments, not per message.
    void release_idle_memory() noexcept;

    std::size_t deliveries_in_flight() const noexcept { return deliveries_.size(); }
    std::size_t publishes_in_flight() const noexcept { return receipts_.size(); }
    std::uint32_t subscriptions() const noexcept { return subscriptions_; }

  private:
    enum class phase : std::uint8_t { expects_connect, authenticating, claiming, connected, closed };
    struct pending_login; // what CONNECT said, kept until CONNACK
    struct pending_request {
        std::uint32_t first_request = 0;
        std::uint32_t unanswered = 0;
        std::uint16_t packet_identifier = 0;
        bool unsubscribe = false;
        std::string codes;
        std::string text;                 // why the first of them was refused
        std::vector<std::uint32_t> slots; // request number - first_request -> index in codes
    };

    // on_connect.cpp
    void handle(const mqtt::connect_packet& packet);
    bool connect_is_refused(const mqtt::connect_packet& packet);
    bool settings_refuse_login();
    bool settings_refuse_will();
    mqtt::connack_packet announcement() const;
    void accept();
    std::uint16_t effective_keep_alive() const noexcept;
    void refuse_connect(mqtt::reason_code reason, std::string_view text, cause why = cause::none);
    void send_refusal(mqtt::reason_code reason, std::string_view text);
    // on_publish.cpp
    void handle(const mqtt::publish_packet& packet);
    bool publish_breaks_protocol(const mqtt::publish_packet& packet, mqtt::topic_verdict verdict);
    bool publish_is_refused(const mqtt::publish_packet& packet, mqtt::topic_verdict verdict);
    void refuse_publish(const mqtt::publish_packet& packet, mqtt::reason_code reason, std::string_view text,
                        cause why = cause::none);
    void refuse_over_limit(const mqtt::publish_packet& packet, cause limit);
    void on_dropped(const publish_outcome& outcome);
    void answer_receipts(std::string_view text);
    void handle(const mqtt::puback_packet& packet);
    void handle(const mqtt::pubrel_packet& packet);
    // on_subscribe.cpp
    void handle(const mqtt::subscribe_packet& packet);
    void handle(const mqtt::unsubscribe_packet& packet);
    bool subscribe_closes(const mqtt::subscribe_packet& packet);
    mqtt::reason_code judge_filter(const mqtt::subscription& entry, std::string_view& text, cause& why) const;
    char wire_code(mqtt::reason_code reason, std::uint8_t wanted_qos) const noexcept;
    void begin_request(pending_request&& request);
    bool answer_request(std::uint32_t request, mqtt::reason_code reason, std::string_view text);
    std::uint16_t packet_of_request(std::uint32_t request) const noexcept;
    void finish_requests();
    void send_request_answer(const pending_request& request);
    // on_disconnect.cpp
    void handle(const mqtt::disconnect_packet& packet);
    void end(close_reason reason, mqtt::reason_code code, std::string_view text, bool publish_will = true);
    void protocol_error(std::string_view text);
    void report(mqtt::packet_type packet, mqtt::reason_code reason, std::string_view text, std::string_view topic = {},
                std::uint16_t packet_identifier = 0, cause why = cause::none);

    bool is_v5() const noexcept { return version_ == mqtt::protocol_version::v5; }
    /// The text if a packet of `other_bytes` has room for it as reason string, else nothing.
    std::string_view fitting(std::string_view text, std::size_t other_bytes) const noexcept;
    /// The same for packets that Request Problem Information 0 keeps free of it ([MQTT5-3.1.2-29]).
    std::string_view problem(std::string_view text, std::size_t other_bytes) const noexcept;

    driver& driver_;
    const session_settings* settings_;
    receipt_window receipts_;
    delivery_window deliveries_;
    std::unique_ptr<pending_login> login_;
    std::vector<pending_request> requests_; // unanswered SUBSCRIBEs and UNSUBSCRIBEs, oldest first
    std::uint32_t next_request_ = 1;
    std::uint32_t unanswered_requests_ = 0;
    std::uint32_t subscriptions_ = 0;
    std::uint32_t client_packet_bytes_max_ = 0xFFFFFFFF;
    phase phase_ = phase::expects_connect;
    mqtt::protocol_version version_ = mqtt::protocol_version::unknown;
    bool problem_information_ = true;
    bool session_expires_at_once_ = true;
    std::string scratch_; // pass-through properties that had to be rebuilt
};

} // namespace broker::session
