// A session with a driver that records what it is asked, and raw bytes in and out. Answers are given by the test, or at
// once where `automatic` is set.
#pragma once

#include "broker/mqtt/decoder.hpp"
#include "broker/session/session.hpp"
#include "tests/support/packet_bytes.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace session_harness {

struct recorded_publish {
    std::string topic, payload, properties;
    std::uint8_t qos;
    bool dup, retain;
    std::uint16_t packet_identifier;
};
struct recorded_claim {
    std::string client_id;
    bool has_will = false;
    std::string will_topic, will_payload, will_properties;
    std::uint8_t will_qos = 0;
    std::uint32_t will_delay_s = 0;
    bool will_retain = false;
};
struct recorded_request {
    bool unsubscribe;
    std::string filter;
    std::uint8_t qos;
    std::uint32_t number;
    bool no_local = false;
};
struct recorded_refusal {
    broker::mqtt::packet_type packet;
    broker::mqtt::reason_code reason;
    broker::session::cause why;
    std::string topic, text;
    std::uint16_t packet_identifier;
};
struct recorded_close {
    broker::session::close_reason reason;
    std::string text;
    bool publish_will;
};

class fake_driver final : public broker::session::driver {
  public:
    bool automatic = true; ///< answer login and claim with success
    bool takes_publishes = true;
    broker::session::cause limit = broker::session::cause::none; ///< what every PUBLISH exceeds
    broker::session::session* owner = nullptr;
    std::string out;
    std::vector<broker::session::login_request> logins; // views: look only at numbers and flags
    std::string login_client_id, username, password;
    std::optional<recorded_claim> claimed;
    std::optional<broker::session::connection_terms> terms;
    std::vector<recorded_publish> publishes;
    std::deque<recorded_request> requests;
    std::vector<std::string> filters;
    std::vector<std::uint64_t> acknowledged;
    std::uint64_t credit_returned = 0;
    std::vector<recorded_close> closes;
    std::vector<broker::mqtt::reason_code> reports;
    std::vector<recorded_refusal> refusals;
    const broker::session::session_settings* tenant_settings = nullptr;

    std::string& outbox() override { return out; }
    std::string fresh_client_id() override { return "made-up-1"; }
    void authenticate(const broker::session::login_request& request) override {
        logins.push_back(request);
        login_client_id = request.client_id;
        username = request.username.value_or("");
        password = request.password.value_or("");
        if (!automatic) return;
        broker::session::login_outcome outcome;
        outcome.settings = tenant_settings;
        owner->on_authenticated(outcome);
    }
    void claim(const broker::session::claim_request& request) override {
        recorded_claim& made = claimed.emplace();
        made.client_id = request.client_id;
        if (request.will) {
            made.has_will = true;
            made.will_topic = request.will->topic;
            made.will_payload = request.will->payload;
            made.will_properties = request.will->properties;
            made.will_qos = request.will->qos;
            made.will_delay_s = request.will->delay_s;
            made.will_retain = request.will->retain;
        }
        if (automatic) owner->on_claimed({});
    }
    void connected(const broker::session::connection_terms& given) override { terms = given; }
    broker::session::cause admit(const broker::session::publish_request&) override { return limit; }
    bool publish(const broker::session::publish_request& request, std::uint16_t packet_identifier) override {
        if (!takes_publishes) return false;
        publishes.push_back({std::string(request.topic), std::string(request.payload), std::string(request.properties),
                             request.qos, request.dup, request.retain, packet_identifier});
        return true;
    }
    void subscribe(const broker::session::subscribe_request& wanted, std::uint32_t number) override {
        requests.push_back({false, std::string(wanted.filter), wanted.qos, number, wanted.no_local});
    }
    void unsubscribe(std::string_view filter, std::uint32_t number) override {
        requests.push_back({true, std::string(filter), 0, number});
    }
    bool has_subscription(std::string_view filter) const override {
        bool has = std::find(filters.begin(), filters.end(), filter) != filters.end();
        for (const recorded_request& each : requests)
            if (each.filter == filter) has = !each.unsubscribe;
        return has;
    }
    void acknowledge(std::uint64_t position, std::uint32_t credit_bytes) override {
        acknowledged.push_back(position);
        credit_returned += credit_bytes;
    }
    void close(broker::session::close_reason reason, std::string_view text, bool publish_will) override {
        closes.push_back({reason, std::string(text), publish_will});
    }
    void report(const broker::session::refusal& what) override {
        reports.push_back(what.reason);
        refusals.push_back({what.packet, what.reason, what.why, std::string(what.topic), std::string(what.text),
                            what.packet_identifier});
    }

    /// Answers every outstanding request as a store would.
    void answer_requests() {
        while (!requests.empty()) {
            const recorded_request next = requests.front();
            requests.pop_front();
            const auto at = std::find(filters.begin(), filters.end(), next.filter);
            const bool existed = at != filters.end();
            if (next.unsubscribe) {
                if (existed) filters.erase(at);
                owner->on_unsubscribed(next.number, existed);
                continue;
            }
            if (!existed) filters.push_back(next.filter);
            broker::session::subscribe_outcome outcome;
            outcome.reason = static_cast<broker::mqtt::reason_code>(next.qos);
            outcome.replaced = existed;
            owner->on_subscribed(next.number, outcome);
        }
    }
};

struct dialogue {
    explicit dialogue(const broker::session::session_settings& given = broker::session::session_settings::preview())
        : settings(given) {
        driver.owner = &session;
    }

    /// Feeds raw bytes as a connection would: decode while the session takes packets. Returns what the client receives.
    std::string send(std::string_view bytes) {
        unread.append(bytes);
        while (!session.waiting()) {
            const auto result =
                broker::mqtt::decode(core::as_bytes(unread), session.version(), session.packet_bytes_max());
            if (result.failed()) {
                session.on_malformed(result.error);
                break;
            }
            if (result.consumed == 0) break;
            session.on_packet(result.value);
            unread.erase(0, result.consumed);
        }
        return received();
    }
    std::string received() { return packet_bytes::dump(std::exchange(driver.out, {})); }
    /// Connects and forgets the CONNACK.
    void connect(unsigned level, std::string_view properties = {}) {
        send(packet_bytes::connect(level, "c1", properties));
    }
    void settle(std::uint16_t packet_identifier,
                broker::session::publish_verdict verdict = broker::session::publish_verdict::stored,
                broker::mqtt::reason_code reason = broker::mqtt::reason_code::success) {
        broker::session::publish_outcome outcome;
        outcome.verdict = verdict;
        outcome.reason = reason;
        session.on_settled(packet_identifier, outcome);
    }
    bool closed_by(broker::session::close_reason reason) const {
        return driver.closes.size() == 1 && driver.closes[0].reason == reason && session.closed();
    }

    broker::session::session_settings settings;
    fake_driver driver;
    broker::session::session session{driver, settings};
    std::string unread;
};

} // namespace session_harness
