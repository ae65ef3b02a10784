// A connection between its session and the relay: what the one asks of the other, and what it is told.
#include "broker/edge/connection.hpp"

#include "common/core/log.hpp"

#include <algorithm>
#include <random>

namespace broker::edge {

using mqtt::reason_code;

namespace {

/// Limits of the store that a client has met; none where a reason code says enough.
session::cause cause_of(msg_link::reason why) noexcept {
    using session::cause;
    switch (why) {
    case msg_link::reason::topic_backlog_full: return cause::topic_backlog;
    case msg_link::reason::tenant_backlog_full: return cause::tenant_backlog;
    case msg_link::reason::topic_limit: return cause::topics;
    case msg_link::reason::disk_full: return cause::disk_full;
    case msg_link::reason::too_large: return cause::packet_bytes;
    case msg_link::reason::too_slow: return cause::too_slow;
    default: return cause::none;
    }
}

reason_code code_of(msg_link::reason why) noexcept {
    using enum msg_link::reason;
    switch (why) {
    case ok: return reason_code::success;
    case no_subscribers: return reason_code::no_matching_subscribers;
    case topic_backlog_full:
    case tenant_backlog_full:
    case topic_limit:
    case disk_full:
    case state_full:
    case rate_limited: return reason_code::quota_exceeded;
    case too_large: return reason_code::packet_too_large;
    case superseded: return reason_code::session_taken_over;
    case not_allowed: return reason_code::not_authorized;
    case store_failed:
    case shutting_down: return reason_code::server_unavailable;
    case too_slow: return reason_code::quota_exceeded;
    default: return reason_code::implementation_specific_error;
    }
}

} // namespace

// --- what the session asks

std::string connection::fresh_client_id() {
    std::random_device device;
    std::uint64_t number = (static_cast<std::uint64_t>(device()) << 32) | device();
    std::string id = "auto-";
    for (int i = 0; i < 13; ++i) {
        id.push_back("0123456789abcdefghijklmnopqrstuv"[number & 31]);
        number >>= 5;
    }
    return id;
}

void connection::authenticate(const session::login_request& request) {
    client_id_ = request.client_id;
    since_ = with_.time.now();
    if (with_.stopping || (!with_.links.up() && with_.links.down_for() > with_.limits.link_grace)) {
        session::login_outcome refused;
        refused.reason = reason_code::server_unavailable;
        refused.text = store_unreachable;
        session_.on_authenticated(refused);
        return;
    }
    const std::string address = transport_->remote_address();
    login::login_attempt attempt;
    attempt.username = request.username;
    attempt.password = request.password;
    attempt.client_id = request.client_id;
    attempt.address = address;
    attempt.certificates = &transport_->peer().der;
    with_.logins.login(attempt, [self = weak_from_this()](login::login_result result) {
        if (const auto still = self.lock()) still->on_logged_in(std::move(result));
    });
}

void connection::on_logged_in(login::login_result result) {
    if (closed_ || closing_) return;
    user_ = std::move(result.who.user);
    method_ = result.who.method;
    device_ = std::move(result.who.device);
    session::login_outcome outcome;
    outcome.reason = result.reason;
    outcome.text = result.text;
    if (!mqtt::is_failure(result.reason)) {
        home_ = with_.tenants.find_or_make(result.who.tenant);
        settings_ = home_->settings();
        if (device_) with_.certified.add(home_->id(), this);
        outcome.settings = &settings_->session;
        logged_in_ = true;
        take_place(outcome);
    }
    session_.on_authenticated(outcome);
    if (!in_session_) {
        flush();
        wake();
    }
}

void connection::recheck(const auth::trust_source& trust) {
    if (closing_ || closed_ || !device_ || !home_) return;
    const auto still = trust.still_trusted(core::tenant_id(home_->id()), *device_);
    if (still) return;
    core::log::info("certificate not accepted any more", {{"tenant", tenant()},
                                                          {"client", client_id_},
                                                          {"anchor", device_->anchor_name},
                                                          {"why", still.error().message()}});
    session_.on_trust_withdrawn();
    flush();
    wake();
}

bool connection::outlives_certificate() const {
    return device_ && logged_in_ && with_.limits.close_at_certificate_end &&
           with_.time.wall_ms() / 1000 > device_->valid_until_s;
}

void connection::claim(const session::claim_request& request) {
    client_id_ = request.client_id;
    member_ = with_.links.join(*this);
    relay::claim_details details;
    details.tenant = home_->id();
    details.client_id = request.client_id;
    details.user = user_;
    details.method = method_;
    details.isolation = settings_->isolation;
    details.fail_after_refusal = session_.version() != mqtt::protocol_version::v5;
    details.will = request.will ? &*request.will : nullptr;
    with_.links.claim(*member_, details);
}

void connection::connected(const session::connection_terms& terms) {
    keep_alive_s_ = terms.keep_alive_s;
    ++with_.counters.clients[static_cast<std::size_t>(terms.version)];
    counted_ = true;
    const auto now = with_.time.now();
    if (with_.connect_seconds != nullptr)
        with_.connect_seconds->observe(std::chrono::duration<double>(now - since_).count());
    since_ = now;
    with_.links.set_window(*member_, terms.deliveries_in_flight_max, with_.limits.stream_bytes, home_.get());
    core::log::debug("client connected",
                     {{"tenant", tenant()}, {"client", client_id_}, {"version", static_cast<int>(terms.version)}});
}

bool connection::publish(const session::publish_request& request, std::uint16_t packet_identifier) {
    return with_.links.publish(*member_, request, packet_identifier);
}

void connection::subscribe(const session::subscribe_request& wanted, std::uint32_t request) {
    const bool replaced = with_.links.has_filter(*member_, wanted.filter);
    asked_qos_.emplace_back(request, static_cast<std::uint8_t>(wanted.qos | (replaced ? 0x80 : 0)));
    with_.links.add_filter(*member_, wanted, request);
}

void connection::unsubscribe(std::string_view filter, std::uint32_t request) {
    const bool existed = with_.links.has_filter(*member_, filter);
    asked_qos_.emplace_back(request, static_cast<std::uint8_t>(existed ? 1 : 0));
    with_.links.remove_filter(*member_, filter, request);
}

bool connection::has_subscription(std::string_view filter) const {
    return member_ != nullptr && with_.links.has_filter(*member_, filter);
}

void connection::acknowledge(std::uint64_t position, std::uint32_t credit_bytes) {
    with_.links.acknowledge(*member_, position, credit_bytes);
}

// --- what the relay tells

void connection::on_claimed(msg_link::reason why) {
    if (closed_ || closing_) return;
    session::claim_outcome outcome;
    outcome.reason = code_of(why);
    outcome.text = why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why);
    if (why == msg_link::reason::superseded) { // before it was connected; 0x8E is for those who are
        outcome.reason = reason_code::server_busy;
        outcome.text = "another connection came with this client identifier at the same time";
    }
    session_.on_claimed(outcome);
    flush();
    wake();
}

void connection::on_evicted(msg_link::reason why) {
    if (closed_ || closing_) return;
    if (why == msg_link::reason::superseded)
        session_.on_evicted();
    else
        session_.on_stream_lost(code_of(why), msg_link::text(why)); // nobody took it over: the lease ended
    flush();
    wake();
}

void connection::on_settled(std::uint16_t packet_identifier, msg_link::reason why, std::string_view topic) {
    if (closed_ || closing_) return;
    session::publish_outcome outcome;
    if (why == msg_link::reason::no_subscribers)
        outcome.verdict = session::publish_verdict::no_subscribers;
    else if (why != msg_link::reason::ok) {
        outcome.verdict = session::publish_verdict::refused;
        outcome.reason = code_of(why);
        outcome.text = msg_link::text(why);
        outcome.why = cause_of(why);
        outcome.topic = topic;
    }
    session_.on_settled(packet_identifier, outcome);
}

void connection::on_filter_done(std::uint32_t request, bool added, std::string_view filter, msg_link::reason why) {
    if (closed_ || closing_) return;
    const auto found =
        std::find_if(asked_qos_.begin(), asked_qos_.end(), [&](const auto& one) { return one.first == request; });
    std::uint8_t note = 0;
    if (found != asked_qos_.end()) {
        note = found->second;
        asked_qos_.erase(found);
    }
    if (asked_qos_.empty()) asked_qos_.shrink_to_fit();
    if (added) {
        session::subscribe_outcome outcome;
        outcome.reason = why == msg_link::reason::ok ? static_cast<reason_code>(note & 0x7F) : code_of(why);
        outcome.replaced = (note & 0x80) != 0;
        outcome.why = cause_of(why);
        outcome.filter = filter;
        outcome.text = why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why);
        session_.on_subscribed(request, outcome);
    } else {
        session_.on_unsubscribed(request, note != 0);
    }
    flush();
    wake();
}

void connection::on_stream_ended(msg_link::reason why) {
    if (closed_ || closing_) return;
    session_.on_stream_lost(code_of(why), msg_link::text(why), cause_of(why));
    flush();
    wake();
}

session::delivery_result connection::on_deliver(const session::delivery& message) {
    if (closed_ || closing_) return session::delivery_result::dropped;
    return may_deliver(message) ? session_.on_deliver(message) : session::delivery_result::dropped;
}

void connection::on_relay_progress() {
    if (leaving_) return shut_down(false);
    flush();
    if (paused_) wake();
}

} // namespace broker::edge
