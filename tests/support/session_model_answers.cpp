// What the driver answers, and the ways in which a dialogue ends.
#include "tests/support/session_model.hpp"

#include <algorithm>

namespace session_model {

using namespace broker;
using session::close_reason;
using session::publish_verdict;

template <class Call> void model::event(Call call) {
    call();
    read_output();
}

void model::answer_login(reason_code reason, const session::session_settings* tenant) {
    if (!login_open_) return;
    login_open_ = false;
    event([&] {
        session::login_outcome outcome;
        outcome.reason = reason;
        outcome.text = "the login says no";
        outcome.settings = tenant;
        if (tenant != nullptr && !is_failure(reason)) settings_ = tenant;
        it().on_authenticated(outcome);
    });
    require(closed_ || claim_asked_, "after the login neither a claim nor an end");
    pump();
}

void model::answer_claim(reason_code reason) {
    if (!claim_open_) return;
    claim_open_ = false;
    event([&] {
        session::claim_outcome outcome;
        outcome.reason = reason;
        outcome.text = "the claim is refused";
        it().on_claimed(outcome);
    });
    require(closed_ || connected_, "after the claim neither connected nor an end");
    pump();
}

void model::mark_settled(receipt& which, publish_verdict verdict, reason_code reason) {
    which.state = receipt_state::settled;
    which.expected = reason_code::success;
    which.text = "store ";
    which.text += std::to_string(which.packet_identifier);
    if (verdict == publish_verdict::no_subscribers) which.expected = reason_code::no_matching_subscribers;
    if (verdict == publish_verdict::refused)
        which.expected =
            is_failure(reason) ? carried_by(mqtt::packet_type::puback, reason) : reason_code::unspecified_error;
}

void model::settle(publish_verdict verdict, reason_code reason) {
    receipt* const oldest = closed_ ? nullptr : oldest_waiting();
    if (oldest == nullptr) return;
    mark_settled(*oldest, verdict, reason);
    const std::string text = oldest->text;
    const std::uint16_t packet_identifier = oldest->packet_identifier;
    event([&] { it().on_settled(packet_identifier, {verdict, reason, text}); });
    require(closed_ == (verdict == publish_verdict::refused && !is_v5()), "only a 3.x client is closed by a refusal");
    pump();
}

void model::answer_request(std::size_t which, reason_code reason) {
    if (closed_ || open_.empty()) return;
    event([&] { give_answer(which % open_.size(), reason); });
    pump();
}

void model::give_answer(std::size_t which, reason_code reason) {
    const question asked = std::move(open_[which]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
    group* const of = find_group(asked.serial);
    require(of != nullptr, "answered before the driver answered");
    --of->unanswered;
    if (of->unsubscribe) {
        of->codes[asked.slot] = asked.existed ? '\x00' : '\x11';
        return it().on_unsubscribed(asked.number, asked.existed);
    }
    session::subscribe_outcome outcome;
    outcome.replaced = asked.existed;
    outcome.reason = is_failure(reason) ? reason : static_cast<reason_code>(asked.qos);
    outcome.text = is_failure(reason) ? "the store refuses the filter" : "";
    of->codes[asked.slot] = static_cast<char>(outcome.reason);
    store_refused_ |= is_failure(reason);
    if (is_failure(reason) && !asked.existed) std::erase(filters_, asked.filter);
    it().on_subscribed(asked.number, outcome);
}

void model::stray_answers(std::uint16_t packet_identifier, std::uint32_t request) {
    if (closed_) return;
    const receipt* const oldest = oldest_waiting();
    const bool asked =
        std::any_of(open_.begin(), open_.end(), [request](const question& each) { return each.number == request; });
    event([&] {
        if (!login_open_) it().on_authenticated({});
        if (!claim_open_) it().on_claimed({});
        if (oldest == nullptr || oldest->packet_identifier != packet_identifier) it().on_settled(packet_identifier, {});
        if (!asked) it().on_subscribed(request, {});
        if (!asked) it().on_unsubscribed(request, true);
    });
}

void model::deliver(const session::delivery& message) {
    if (closed_) return;
    event([&] { deliver_inside(message); });
}

void model::deliver_inside(const session::delivery& message) {
    due_ = message;
    due_seen_ = false;
    may_acknowledge_ = true;
    acknowledged_ = false;
    acknowledge_position_ = message.position;
    acknowledge_bytes_ = message.credit_bytes;
    due_result_ = it().on_deliver(message);
    may_acknowledge_ = false;
}

void model::rest() {
    if (closed_) return;
    event([&] { it().release_idle_memory(); });
}

// --- the end

template <class Call> void model::ends_with(close_reason reason, reason_code told, Call call) {
    if (closed_) return;
    expected_told_ = told;
    event(call);
    require(closed_, "the session does not end");
    require(close_reason_ == reason, "another reason for the end");
}

void model::end(ending how, reason_code why) {
    switch (how) {
    case ending::shutdown:
        return ends_with(close_reason::shutdown,
                         login_asked_ && !connected_ ? reason_code::server_unavailable
                                                     : reason_code::server_shutting_down,
                         [this] { it().on_shutdown(); });
    case ending::hang_up: return ends_with(close_reason::transport_closed, why, [this] { it().on_transport_closed(); });
    case ending::eviction:
        return ends_with(close_reason::taken_over, reason_code::session_taken_over, [this] { it().on_evicted(); });
    case ending::silence:
        return ends_with(close_reason::keep_alive_expired, reason_code::keep_alive_timeout,
                         [this] { it().on_keep_alive_expired(); });
    case ending::stream_loss:
        return ends_with(close_reason::stream_lost, carried_by(mqtt::packet_type::disconnect, why),
                         [this, why] { it().on_stream_lost(why, "the stream is lost"); });
    }
}

void model::no_connect_in_time() {
    if (connected_) {
        event([this] { it().on_connect_timeout(); });
        return require(!closed_, "the connect timeout ends a connected session");
    }
    ends_with(close_reason::connect_timeout, reason_code::keep_alive_timeout, [this] { it().on_connect_timeout(); });
}

void model::finish(ending how) {
    while (!closed_ && open_questions()) {
        if (login_open_)
            answer_login(reason_code::success);
        else if (claim_open_)
            answer_claim(reason_code::success);
        else if (oldest_waiting() != nullptr)
            settle(publish_verdict::stored);
        else
            answer_request(0);
    }
    if (!closed_) {
        require(!it().waiting(), "nothing is asked and nothing is read");
        require(receipts_.empty(), "a PUBLISH is never acknowledged");
        require(groups_.empty(), "a SUBSCRIBE or UNSUBSCRIBE is never answered");
    }
    end(how);
    keeps_silent();
}

void model::keeps_silent() {
    const std::size_t before = out_.size();
    it().on_packet(mqtt::pingreq_packet{});
    it().on_packet(mqtt::connect_packet{});
    it().on_malformed({reason_code::malformed_packet, "late", mqtt::packet_type::publish, version_});
    it().on_authenticated({});
    it().on_claimed({});
    it().on_settled(1, {publish_verdict::refused, reason_code::quota_exceeded, "late"});
    it().on_subscribed(1, {});
    it().on_unsubscribed(1, true);
    session::delivery late;
    late.topic = "a";
    late.qos = 1;
    require(it().on_deliver(late) == session::delivery_result::refused, "a delivery after the end");
    it().on_evicted();
    it().on_stream_lost(reason_code::quota_exceeded, "late");
    it().on_shutdown();
    it().on_keep_alive_expired();
    it().on_connect_timeout();
    it().on_transport_closed();
    it().release_idle_memory();
    require(out_.size() == before, "bytes after the end");
    require(it().closed() && it().waiting(), "the ended session takes packets");
}

} // namespace session_model
