// SUBSCRIBE and UNSUBSCRIBE. Every filter becomes a request to the driver; when the last of a packet is answered, its
// SUBACK or UNSUBACK goes out with one code per filter in their order.
#include "broker/mqtt/encoder.hpp"
#include "broker/mqtt/wire.hpp"
#include "broker/session/session.hpp"

#include <algorithm>

namespace broker::session {

using mqtt::reason_code;
using mqtt::topic_verdict;

namespace {

/// Stands for a code that is still to come and keeps the QoS the client wants; no reason code has such a value.
constexpr char unanswered(std::uint8_t wanted_qos) noexcept { return static_cast<char>(0xFC | wanted_qos); }
constexpr bool is_unanswered(char code) noexcept { return static_cast<std::uint8_t>(code) >= 0xFC; }
constexpr std::uint8_t wanted_qos_of(char code) noexcept { return static_cast<std::uint8_t>(code) & 3; }

bool needs_missing_feature(reason_code reason) noexcept {
    return reason == reason_code::wildcard_subscriptions_not_supported ||
           reason == reason_code::shared_subscriptions_not_supported ||
           reason == reason_code::subscription_identifiers_not_supported;
}

reason_code to_reason(topic_verdict verdict) noexcept {
    switch (verdict) {
    case topic_verdict::valid: return reason_code::success;
    case topic_verdict::wildcard: return reason_code::wildcard_subscriptions_not_supported;
    case topic_verdict::shared: return reason_code::shared_subscriptions_not_supported;
    case topic_verdict::too_long: return reason_code::quota_exceeded;
    default: return reason_code::topic_filter_invalid;
    }
}

} // namespace

reason_code session::judge_filter(const mqtt::subscription& entry, std::string_view& text, cause& why) const {
    const topic_verdict verdict = check_topic_filter(entry.filter, settings_->topics(), is_v5());
    if (verdict == topic_verdict::wildcard) {
        text = describe(reason_code::wildcard_subscriptions_not_supported);
        return reason_code::wildcard_subscriptions_not_supported;
    }
    text = describe(verdict);
    if (verdict == topic_verdict::too_long) why = cause::topic_bytes;
    if (verdict != topic_verdict::valid) return to_reason(verdict);
    if (entry.filter == mqtt::error_topic && !settings_->error_topic_offered) {
        text = describe(topic_verdict::dollar);
        return reason_code::topic_filter_invalid;
    }
    // At the limit what the client has may be replaced, still not more of it at once than it may have.
    if (subscriptions_ + unanswered_requests_ >= settings_->subscriptions_max &&
        (unanswered_requests_ >= settings_->subscriptions_max || !driver_.has_subscription(entry.filter))) {
        why = cause::subscriptions;
        text = describe(why);
        return reason_code::quota_exceeded;
    }
    return reason_code::success;
}

/// What ends the connection instead of being answered in SUBACK.
bool session::subscribe_closes(const mqtt::subscribe_packet& packet) {
    const bool disconnects = is_v5() && settings_->unsupported_filter == unsupported_filter_policy::disconnect;
    const auto close = [this](reason_code reason) {
        report(mqtt::packet_type::subscribe, reason, describe(reason));
        end(close_reason::protocol_error, reason, describe(reason));
        return true;
    };
    if (disconnects && packet.subscription_identifier != 0)
        return close(reason_code::subscription_identifiers_not_supported);
    mqtt::subscription_reader entries(packet);
    while (const auto entry = entries.next()) {
        const topic_verdict verdict = check_topic_filter(entry->filter, settings_->topics(), is_v5());
        if (verdict == topic_verdict::shared && entry->no_local)
            return close(reason_code::protocol_error); // [MQTT5-3.8.3-4]
        if (disconnects && needs_missing_feature(to_reason(verdict))) return close(to_reason(verdict));
        const bool no_filter = verdict == topic_verdict::empty || verdict == topic_verdict::misplaced;
        // 3.1 has no failure code in SUBACK, and granting what is no filter would be a lie.
        if (no_filter && version_ == mqtt::protocol_version::v3_1) return close(reason_code::topic_filter_invalid);
    }
    return false;
}

/// The byte for SUBACK: 5.0 the reason, 3.1.1 the granted QoS or 0x80, 3.1 always a QoS (nothing is delivered for a
/// subscription that was refused; ref: 3.1 differences 25 and 26).
char session::wire_code(reason_code reason, std::uint8_t wanted_qos) const noexcept {
    if (is_v5()) return static_cast<char>(carried_by(mqtt::packet_type::suback, reason));
    if (!is_failure(reason)) return static_cast<char>(reason);
    return version_ == mqtt::protocol_version::v3_1 ? static_cast<char>(std::min<std::uint8_t>(wanted_qos, 1)) : '\x80';
}

void session::handle(const mqtt::subscribe_packet& packet) {
    if (subscribe_closes(packet)) return;
    pending_request request;
    request.packet_identifier = packet.packet_identifier;
    request.first_request = next_request_;
    request.codes.reserve(packet.filter_count);
    mqtt::subscription_reader entries(packet);
    while (const auto entry = entries.next()) {
        std::string_view text;
        auto why = cause::none;
        reason_code reason = judge_filter(*entry, text, why);
        if (packet.subscription_identifier != 0) {
            why = cause::none;
            reason = reason_code::subscription_identifiers_not_supported;
            text = describe(reason);
        }
        if (is_failure(reason)) {
            report(mqtt::packet_type::subscribe, reason, text, entry->filter, packet.packet_identifier, why);
            if (request.text.empty()) request.text = text;
            request.codes.push_back(wire_code(reason, entry->qos));
            continue;
        }
        request.slots.push_back(static_cast<std::uint32_t>(request.codes.size()));
        request.codes.push_back(unanswered(entry->qos));
        ++unanswered_requests_;
    }
    const std::string codes = request.codes;
    std::uint32_t number = request.first_request;
    begin_request(std::move(request));
    mqtt::subscription_reader again(packet);
    for (const char code : codes) {
        const auto entry = again.next();
        if (is_unanswered(code) && entry && phase_ == phase::connected)
            driver_.subscribe({entry->filter, std::min<std::uint8_t>(entry->qos, 1), is_v5() && entry->no_local},
                              number++);
    }
    finish_requests();
}

void session::handle(const mqtt::unsubscribe_packet& packet) {
    pending_request request;
    request.packet_identifier = packet.packet_identifier;
    request.first_request = next_request_;
    request.unsubscribe = true;
    request.codes.assign(packet.filter_count, unanswered(0));
    for (std::uint32_t i = 0; i < packet.filter_count; ++i) request.slots.push_back(i);
    unanswered_requests_ += packet.filter_count;
    std::uint32_t number = request.first_request;
    begin_request(std::move(request));
    mqtt::filter_reader filters(packet);
    for (auto filter = filters.next(); filter && phase_ == phase::connected; filter = filters.next()) {
        const std::uint32_t each = number++;
        // Only what the client has is worth a request: a packet full of other filters keeps nobody else busy.
        if (driver_.has_subscription(*filter))
            driver_.unsubscribe(*filter, each);
        else
            on_unsubscribed(each, false);
    }
    finish_requests();
}

void session::begin_request(pending_request&& request) {
    const auto count = static_cast<std::uint32_t>(request.slots.size());
    next_request_ += count;
    request.unanswered = count;
    requests_.push_back(std::move(request));
}

void session::on_subscribed(std::uint32_t request, const subscribe_outcome& outcome) {
    if (phase_ != phase::connected) return;
    const auto packet_identifier = is_failure(outcome.reason) ? packet_of_request(request) : std::uint16_t{0};
    if (answer_request(request, outcome.reason, is_failure(outcome.reason) ? outcome.text : "")) {
        if (is_failure(outcome.reason))
            report(mqtt::packet_type::subscribe, outcome.reason, outcome.text, outcome.filter, packet_identifier,
                   outcome.why);
        else if (!outcome.replaced)
            ++subscriptions_;
        finish_requests();
    }
}

void session::on_unsubscribed(std::uint32_t request, bool existed) {
    if (phase_ != phase::connected) return;
    const auto reason = existed ? reason_code::success : reason_code::no_subscription_existed;
    if (!answer_request(request, reason, {})) return;
    if (existed && subscriptions_ != 0) --subscriptions_;
    finish_requests();
}

/// The packet identifier of the SUBSCRIBE that a request is part of; 0 when it is answered already.
std::uint16_t session::packet_of_request(std::uint32_t request) const noexcept {
    for (const pending_request& each : requests_)
        if (request - each.first_request < each.slots.size()) return each.packet_identifier;
    return 0;
}

/// False if nobody waits for this answer.
bool session::answer_request(std::uint32_t request, reason_code reason, std::string_view text) {
    for (pending_request& each : requests_) {
        const std::uint32_t index = request - each.first_request; // wraps for older numbers: then it is too large
        if (index >= each.slots.size()) continue;
        char& answer = each.codes[each.slots[index]];
        if (!is_unanswered(answer)) return false;
        answer = each.unsubscribe ? static_cast<char>(reason) : wire_code(reason, wanted_qos_of(answer));
        if (each.text.empty()) each.text = text;
        --each.unanswered;
        --unanswered_requests_;
        return true;
    }
    return false;
}

void session::finish_requests() {
    std::size_t i = 0;
    while (phase_ == phase::connected && i < requests_.size()) {
        if (requests_[i].unanswered != 0) {
            ++i;
            continue;
        }
        const pending_request done = std::move(requests_[i]);
        requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(i));
        send_request_answer(done);
    }
}

void session::send_request_answer(const pending_request& request) {
    const std::size_t remaining = 2 + 1 + request.codes.size(); // identifier, no properties, codes
    const std::size_t bytes = 1 + mqtt::varint_size(static_cast<std::uint32_t>(remaining)) + remaining;
    if (bytes > client_packet_bytes_max_ && is_v5()) { // [MQTT5-3.1.2-24]
        constexpr std::string_view text = "the answer has more codes than the client takes";
        report(request.unsubscribe ? mqtt::packet_type::unsubscribe : mqtt::packet_type::subscribe,
               reason_code::packet_too_large, text, {}, request.packet_identifier, cause::unspecified);
        return end(close_reason::refused, reason_code::packet_too_large, text);
    }
    if (request.unsubscribe) {
        mqtt::unsuback_packet answer;
        answer.packet_identifier = request.packet_identifier;
        answer.codes = request.codes;
        return encode_unsuback(driver_.outbox(), answer, version_);
    }
    mqtt::suback_packet answer;
    answer.packet_identifier = request.packet_identifier;
    answer.codes = request.codes;
    answer.reason_string = problem(request.text, bytes);
    encode_suback(driver_.outbox(), answer, version_);
}

} // namespace broker::session
