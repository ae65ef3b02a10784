// A session, its client and its driver in one, with a model of what must hold whatever the client sends and in whatever
// order the driver answers. Everything the session writes is decoded as a client would; the first thing that must not
// be throws `violation`. For tests that send damage and for the fuzz target; `start` begins anew and keeps the memory.
#pragma once

#include "broker/mqtt/decoder.hpp"
#include "broker/session/session.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace session_model {

using broker::mqtt::reason_code;

struct violation : std::logic_error {
    using std::logic_error::logic_error;
};
inline void require(bool holds, const char* what) {
    if (!holds) throw violation(what);
}

/// What the driver does from inside a call; a session must stand all of them.
struct habits {
    bool login_at_once = false;
    bool claim_at_once = false;
    bool settle_at_once = false;
    bool answer_at_once = false;
    bool deliver_when_connected = false;
    bool evict_in_publish = false;
    bool evict_in_subscribe = false;
    bool takes_publishes = true;
};

enum class ending : std::uint8_t { shutdown, hang_up, eviction, silence, stream_loss };

class model final : public broker::session::driver {
  public:
    /// `settings` outlive the dialogue.
    void start(const broker::session::session_settings& settings, const habits& with);

    // What the client does. The bytes are decoded while the session takes packets; the rest waits for an answer.
    void send(std::string_view bytes);

    // What the driver answers; nothing happens when nothing is asked.
    void answer_login(reason_code reason, const broker::session::session_settings* tenant = nullptr);
    void answer_claim(reason_code reason);
    void settle(broker::session::publish_verdict verdict, reason_code reason = reason_code::success);
    void answer_request(std::size_t which, reason_code reason = reason_code::success);
    /// Answers nobody waits for: all are ignored.
    void stray_answers(std::uint16_t packet_identifier, std::uint32_t request);
    void deliver(const broker::session::delivery& message);
    void rest();

    void end(ending how, reason_code why = reason_code::quota_exceeded);
    void no_connect_in_time();
    /// Answers all that is open, asks that nothing is left over then, ends the dialogue if it goes on, and tries
    /// whether the ended session keeps silent.
    void finish(ending how);

    bool alive() const noexcept { return !closed_; }
    bool connected() const noexcept { return connected_; }
    bool open_questions() const noexcept {
        return login_open_ || claim_open_ || waiting_count() != 0 || !open_.empty();
    }
    broker::session::close_reason closed_because() const noexcept { return close_reason_; }
    bool will_published() const noexcept { return will_published_; }
    /// Code of a DISCONNECT, or of a CONNACK that refuses.
    std::optional<reason_code> told() const noexcept { return told_; }
    std::size_t bytes_received() const noexcept { return bytes_received_; }
    broker::mqtt::protocol_version version() const noexcept { return version_; }
    habits ways;

    // The driver's side.
    std::string& outbox() override;
    std::string fresh_client_id() override;
    void authenticate(const broker::session::login_request& request) override;
    void claim(const broker::session::claim_request& request) override;
    void connected(const broker::session::connection_terms& terms) override;
    bool publish(const broker::session::publish_request& request, std::uint16_t packet_identifier) override;
    void subscribe(const broker::session::subscribe_request& wanted, std::uint32_t request) override;
    void unsubscribe(std::string_view filter, std::uint32_t request) override;
    bool has_subscription(std::string_view filter) const override;
    void acknowledge(std::uint64_t position, std::uint32_t credit_bytes) override;
    void close(broker::session::close_reason reason, std::string_view log_text, bool publish_will) override;
    void report(const broker::session::refusal& what) override;

  private:
    enum class receipt_state : std::uint8_t { handed_in, waits, settled, refused_here };
    struct receipt { // a QoS 1 PUBLISH of the client without its PUBACK
        std::uint16_t packet_identifier = 0;
        receipt_state state = receipt_state::handed_in;
        reason_code expected = reason_code::success;
        std::string text;
    };
    struct in_flight { // a QoS 1 PUBLISH to the client without its PUBACK
        std::uint16_t packet_identifier;
        std::uint64_t position;
        std::uint32_t credit_bytes;
    };
    struct group { // a SUBSCRIBE or UNSUBSCRIBE without its answer
        std::uint32_t serial = 0;
        std::uint16_t packet_identifier = 0;
        bool unsubscribe = false;
        std::uint32_t unanswered = 0;
        std::string codes;           // what the driver answered per filter, or `not_asked`
        std::string wanted;          // QoS asked per filter
        std::string_view filters;    // raw; only while the packet is handed in
        std::size_t next_filter = 0; // where in `codes` the next call of the driver may stand
    };
    struct question { // one filter the driver was asked for
        std::uint32_t number;
        std::uint32_t serial;
        std::size_t slot;
        std::uint8_t qos;
        bool existed;
        std::string filter;
    };
    static constexpr char not_asked = '\xFF'; // no reason code has this value

    broker::session::session& it() noexcept { return *session_; }
    bool is_v5() const noexcept { return version_ == broker::mqtt::protocol_version::v5; }
    std::size_t waiting_count() const noexcept;
    receipt* oldest_waiting() noexcept;
    group* find_group(std::uint32_t serial) noexcept;
    void mark_settled(receipt& which, broker::session::publish_verdict verdict, reason_code reason);

    // session_model.cpp
    void pump();
    void hand_in(std::size_t size);
    void expect_effects(const broker::mqtt::packet& value);
    void expect_answer(std::uint16_t packet_identifier, std::string_view filters, std::size_t count, bool unsubscribe);
    void after_packet();
    // session_model_answers.cpp
    template <class Call> void event(Call call);
    template <class Call> void ends_with(broker::session::close_reason reason, reason_code told, Call call);
    void give_answer(std::size_t which, reason_code reason);
    // session_model_driver.cpp
    std::size_t slot_of(group& of, std::string_view filter);
    void ask(std::string_view filter, std::uint8_t qos, std::uint32_t number, bool unsubscribe);
    void deliver_inside(const broker::session::delivery& message);
    void keeps_silent();

    // session_model_output.cpp
    void read_output();
    void read_packet(const broker::mqtt::packet& value);
    void read(const broker::mqtt::connack_packet& value);
    void read(const broker::mqtt::publish_packet& value);
    void read(const broker::mqtt::puback_packet& value);
    void read(const broker::mqtt::suback_packet& value);
    void read(const broker::mqtt::unsuback_packet& value);
    void read(const broker::mqtt::disconnect_packet& value);
    void read_answer(std::uint16_t packet_identifier, bool unsubscribe, std::string_view codes);
    bool code_fits(const group& asked, std::size_t slot, char got) const;
    void check_delivery();
    void check_state();
    void check_closed();

    std::optional<broker::session::session> session_;
    const broker::session::session_settings* settings_ = nullptr;
    std::string out_;
    std::string unread_;
    broker::mqtt::protocol_version version_{};
    std::uint32_t client_bytes_max_ = 0;
    std::uint16_t client_receive_max_ = 0;
    std::uint16_t deliveries_max_ = 0;
    bool problem_information_ = true;
    bool connect_seen_ = false, goodbye_seen_ = false, goodbye_will_ = false;
    bool login_asked_ = false, login_open_ = false, claim_asked_ = false, claim_open_ = false;
    bool connected_ = false, closed_ = false, will_published_ = false, connack_seen_ = false, disconnect_seen_ = false;
    bool malformed_ = false;
    broker::session::close_reason close_reason_{};
    std::size_t out_at_close_ = 0;
    std::size_t bytes_received_ = 0;
    std::optional<reason_code> told_;
    std::optional<reason_code> expected_told_;
    std::vector<receipt> receipts_;
    std::vector<in_flight> deliveries_;
    std::vector<group> groups_;
    std::vector<question> open_;
    std::vector<std::string> filters_;
    bool store_refused_ = false;
    std::uint32_t next_serial_ = 1;
    bool packet_inside_ = false; // the client's packet is being handed in
    std::uint32_t pings_ = 0;
    std::uint32_t releases_ = 0;
    // The one delivery or PUBACK that is going on.
    std::optional<broker::session::delivery> due_;
    broker::session::delivery_result due_result_{};
    bool due_seen_ = false;
    bool may_acknowledge_ = false, acknowledged_ = false;
    std::uint64_t acknowledge_position_ = 0;
    std::uint32_t acknowledge_bytes_ = 0;
};

} // namespace session_model
