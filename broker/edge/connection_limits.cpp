// A connection and the limits of its client and tenant (ref A.10): what is counted, refused, held back and told.
#include "broker/edge/connection.hpp"

#include "common/core/log.hpp"

namespace broker::edge {

using session::cause;

/// A place among the tenant's connections, or a refusal by the limit that is met.
void connection::take_place(session::login_outcome& outcome) {
    cause limit = cause::none;
    if (connect_bytes_ > settings_->session.packet_bytes_max)
        limit = cause::packet_bytes;
    else
        limit = home_->admit(client_id_, with_.time.now());
    if (limit == cause::none) {
        admitted_ = true;
        rates_ = tenant::client_rates(settings_->rates);
        return;
    }
    outcome.reason = limit == cause::packet_bytes ? mqtt::reason_code::packet_too_large
                                                  : mqtt::reason_code::quota_exceeded; // ref A.4: for the rate, too
    outcome.text = session::describe(limit);
    outcome.why = limit;
}

cause connection::admit(const session::publish_request& request) {
    if (home_->limits_publishes() || rates_.publishes.on()) {
        const auto limit = home_->take_publish(rates_, request.payload.size(), with_.time.now());
        if (limit != cause::none) return limit;
    }
    const bool room = with_.links.has_room_for_topics();
    if (room && !rates_.topics.on()) return cause::none;
    if (!with_.links.begins_topic(*member_, request.topic)) return cause::none;
    if (!room) return cause::open_topics;
    return rates_.topics.take(with_.time.now()) ? cause::none : cause::topic_creation_rate;
}

/// QoS 1 was paced before, by its credit; QoS 0 over a limit is dropped (ref A.10).
bool connection::may_deliver(const session::delivery& message) {
    if (!home_->limits_deliveries()) return true;
    if (message.qos != 0) {
        home_->spend_delivery(message.payload.size());
        return true;
    }
    const auto limit = home_->take_delivery(message.payload.size(), with_.time.now());
    if (limit == cause::none) return true;
    with_.links.acknowledge(*member_, message.position, message.credit_bytes);
    session::refusal what;
    what.packet = mqtt::packet_type::publish;
    what.reason = mqtt::reason_code::quota_exceeded;
    what.topic = message.topic;
    what.text = session::describe(limit);
    what.why = limit;
    if (message.topic == mqtt::error_topic) // its own loss is not told: that would cause the next one
        home_->count().refused(limit);
    else
        report(what);
    return false;
}

void connection::report(const session::refusal& what) {
    ++with_.counters.refusals[static_cast<std::uint8_t>(what.reason)];
    (home_ ? home_->count() : with_.tenants.strangers()).refused(what.why);
    if (!logged_in_) return; // nobody who is not let in makes the tenant's topics grow
    with_.reports.raise(*home_, tenant::alarm_of(what.why, what.packet));
    if (settings_->session.error_topic_offered) with_.reports.report(*home_, client_id_, what);
}

void connection::on_paced() {
    home_->count().paced();
    if (home_->settings()->rates.delivery_rate != 0) with_.reports.raise(*home_, tenant::alarm::delivery_rate);
}

/// Once a second: a client that neither ends its packet nor takes ours is given up, whatever its keep alive.
void connection::check_progress(core::steady_time now) {
    if (paused_) partial_since_ = now; // we do not read: the client cannot be blamed
    if (partial_ && now - partial_since_ > with_.limits.packet_timeout)
        session_.on_packet_timeout();
    else if (draining_ && now - taken_at_ > with_.limits.write_timeout)
        session_.on_write_timeout();
    else
        return;
    flush();
}

} // namespace broker::edge
