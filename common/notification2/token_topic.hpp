// The `topic` claim: `<tenant>/<type>/<URL-encoded name>` (ref B.1.2, C.4).
#pragma once

#include "common/notification2/error.hpp"

#include <string>
#include <string_view>

namespace notification2 {

inline constexpr std::string_view mqtt_type = "mqtt";
inline constexpr std::string_view notification_type = "relnotif";

struct token_topic {
    std::string tenant;
    std::string type; ///< `mqtt` or `relnotif`; also the namespace of the persistent topic
    std::string name; ///< not encoded: the MQTT topic, or the subscription

    bool operator==(const token_topic&) const = default;
};

/// The topic a token request means. An absent type or `notification` becomes `relnotif`. A refreshing client sends back
/// the encoded name of its old claim, so a name that is wholly URL-encoded is decoded; the price is that a topic whose
/// real name is such a text, `a%2Fb`, cannot be named by a token (ref B.1.2).
token_topic requested_topic(std::string_view tenant, std::string_view type, std::string_view subscription);

std::string format_topic_claim(const token_topic& topic);
/// Error: bad_topic_claim (not three parts, an empty one, a bad escape, NUL).
core::result<token_topic> parse_topic_claim(std::string_view claim);

} // namespace notification2
