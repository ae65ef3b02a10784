// What the doors of the original's API (token, producer, consumer) share: the hub, tokens, limits, and how a refusal is
// told: one answer, one log line, one counter with its reason. Owned by notification_api; one thread.
#pragma once

#include "common/core/clock.hpp"
#include "common/net/http.hpp"
#include "common/notification2/token_verifier.hpp"
#include "common/ops/metrics.hpp"
#include "messaging/topic/hub.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace messaging::endpoint {

/// Defaults as ref C.6 and C.9 tell them; tests make them small.
struct api_options {
    std::chrono::milliseconds idle_timeout{std::chrono::minutes(5)};
    std::uint32_t unacknowledged_max = 1000;    ///< per consumer connection
    std::size_t outbox_bytes_max = 1024 * 1024; ///< frames that wait for a slow consumer
    std::size_t unsettled_frames_max = 4096;    ///< per producer connection; then it is not read from
    std::size_t unsettled_bytes_max = 8 * 1024 * 1024;
};

struct api_context {
    api_context(topic::hub& to, const core::clock& time, ops::metrics& numbers, notification2::signing_key with,
                api_options limits);

    /// Counts and logs; what was wrong goes to the peer by other means.
    void note_refusal(std::string_view door, std::string_view reason, std::string_view peer, std::string_view why);
    /// Why a connection could not be read any more: counted and logged where the client did what WebSocket forbids.
    void note_read_failure(std::string_view door, std::string_view peer, core::error_code error);
    /// As note_refusal, as the answer to a request. Bodies as the platform's (ref D.1).
    net::http_response refuse(std::string_view door, std::string_view reason, unsigned status,
                              const net::http_request& request, std::string_view why);
    /// The token of the request's query, verified; on refusal `answer` is it (401, ref C.7).
    core::result<notification2::token_claims> admit(std::string_view door, const net::http_request& request,
                                                    net::http_response& answer);

    topic::hub& hub;
    const core::clock& clock;
    notification2::signing_key key;
    notification2::token_verifier verifier;
    api_options options;

    ops::family<ops::counter>& refused; ///< by door and reason
    ops::counter& tokens_issued;
    ops::counter& published;
    ops::counter& delivered;
    ops::counter& acknowledged;
    ops::gauge& producers;
    ops::gauge& consumers;
};

/// The hub's name of an application's subscriber. Subscribers are unique within their topic (ref C.3), hub names within
/// the namespace, so both parts are in it; percent-encoding keeps them apart. A volatile subscriber is another one than
/// the durable of the same name, as its topic is in the original.
std::string subscription_name(std::string_view subscriber, std::string_view topic, bool is_volatile);

/// What the subscription to a topic of type `mqtt` selects in the store. `from-device` is all that devices publish,
/// whether the tenant keeps its devices apart or not (ref A.11); `$debug/$error` the errors of all clients.
std::string_view filter_of(std::string_view topic) noexcept;

} // namespace messaging::endpoint
