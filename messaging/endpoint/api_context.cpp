#include "messaging/endpoint/api_context.hpp"

#include "common/core/log.hpp"
#include "common/core/percent.hpp"
#include "common/net/error.hpp"
#include "common/record/device_topics.hpp"

namespace messaging::endpoint {

namespace {

std::string_view error_name(unsigned status) noexcept {
    switch (status) {
    case 401: return "security/Unauthorized";
    case 403: return "security/Forbidden";
    case 409: return "reliable-notification/Conflict";
    case 422: return "reliable-notification/Unprocessable Entity";
    case 429: return "security/Too Many Requests";
    case 503: return "reliable-notification/Service Unavailable";
    default: return "reliable-notification/Error";
    }
}

} // namespace

api_context::api_context(topic::hub& to, const core::clock& time, ops::metrics& numbers,
                         notification2::signing_key with, api_options limits)
    : hub(to), clock(time), key(with), verifier(with, time), options(limits),
      refused(numbers.counters("messaging_api_refused_total", "What the token and WebSocket API refused",
                               {"door", "reason"})),
      tokens_issued(numbers.counters("messaging_api_tokens_issued_total", "Tokens issued").with()),
      published(numbers.counters("messaging_api_published_total", "Producer frames taken").with()),
      delivered(numbers.counters("messaging_api_delivered_total", "Consumer frames queued").with()),
      acknowledged(numbers.counters("messaging_api_acknowledged_total", "Consumer frames acknowledged").with()),
      producers(numbers.gauges("messaging_api_producers", "Connected producers").with()),
      consumers(numbers.gauges("messaging_api_consumers", "Connected consumers").with()) {}

void api_context::note_refusal(std::string_view door, std::string_view reason, std::string_view peer,
                               std::string_view why) {
    refused.with({std::string(door), std::string(reason)}).add();
    core::log::warn("refused", {{"door", door}, {"reason", reason}, {"peer", peer}, {"why", why}});
}

void api_context::note_read_failure(std::string_view door, std::string_view peer, core::error_code error) {
    // Beast's errors about frames stay what they are; its headers stay in net.
    const bool bad_frame = std::string_view(error.category().name()) == "boost.beast.websocket";
    if (error == net::errc::message_too_large)
        note_refusal(door, "too_large", peer, error.message());
    else if (bad_frame)
        note_refusal(door, "bad_websocket_frame", peer, error.message());
    else if (error == net::errc::timeout)
        note_refusal(door, "idle", peer, error.message());
}

net::http_response api_context::refuse(std::string_view door, std::string_view reason, unsigned status,
                                       const net::http_request& request, std::string_view why) {
    note_refusal(door, reason, request.remote_address, why);
    auto answer = net::error_response(status, error_name(status), why);
    if (status == 503) answer.headers.set("Retry-After", "1");
    return answer;
}

core::result<notification2::token_claims> api_context::admit(std::string_view door, const net::http_request& request,
                                                             net::http_response& answer) {
    const auto token = request.parameter("token");
    if (token.empty()) {
        answer = refuse(door, "no_token", 401, request, "the query holds no token");
        return core::error_code(notification2::errc::malformed_token);
    }
    auto claims = verifier.verify(token);
    if (!claims) {
        const bool expired = claims.error() == notification2::errc::token_expired;
        answer = refuse(door, expired ? "token_expired" : "bad_token", 401, request, claims.error().message());
    }
    return claims;
}

std::string subscription_name(std::string_view subscriber, std::string_view topic, bool is_volatile) {
    std::string name;
    core::append_percent_encoded(name, subscriber);
    name += '@';
    core::append_percent_encoded(name, topic);
    if (is_volatile) name += ";volatile";
    return name;
}

std::string_view filter_of(std::string_view topic) noexcept {
    if (topic == record::from_device) return "#";
    return topic == record::error_topic ? "$debug/$error/#" : topic;
}

} // namespace messaging::endpoint
