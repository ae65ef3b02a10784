// What may be a topic name and a topic filter: the rules of MQTT (section 4.7 in both versions), the names the MQTT
// Service reserves (ref A.8) and the length limit. All expect a text that already passed `is_mqtt_string`.
#pragma once

#include <cstddef>
#include <string_view>

namespace broker::mqtt {

/// The topic on which a client reads the errors that concern it (ref A.9).
inline constexpr std::string_view error_topic = "$debug/$error";

enum class topic_verdict : unsigned char {
    valid,
    empty,           ///< [MQTT311-4.7.3-1] [MQTT5-4.7.3-1]
    wildcard,        ///< a wildcard in a topic name, or a filter with one where they are not offered
    misplaced,       ///< `a#`, `#/a`, `a+` [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] [MQTT5-4.7.1-1] [MQTT5-4.7.1-2]
    too_long,        ///< longer than the service allows
    dollar,          ///< begins with `$`
    reserved,        ///< a SmartREST or JSON-over-MQTT topic of the platform
    shared,          ///< `$share/<name>/<filter>`, well formed
    shared_malformed ///< `$share/` with a bad name or without filter [MQTT5-4.8.2-1] [MQTT5-4.8.2-2]
};

/// A sentence for reason strings and logs.
std::string_view describe(topic_verdict verdict) noexcept;

struct topic_limits {
    std::size_t topic_bytes_max = 256;
    bool core_topics_reserved = true;
    bool wildcards_offered = false;
};

/// True if `+` or `#` occurs anywhere.
bool has_wildcard(std::string_view text) noexcept;

/// True for a name of ref A.8: true prefixes (`s/`, `alarm/alarms/`, …) and the whole names `error` and
/// `devicecontrol/notifications`.
bool is_core_topic(std::string_view topic) noexcept;

/// Judges the topic of a PUBLISH or a will.
topic_verdict check_topic_name(std::string_view topic, const topic_limits& limits) noexcept;

/// Judges a filter of SUBSCRIBE. `shared_known`: `$share/` has its MQTT 5.0 meaning (in 3.x it is an ordinary `$`
/// topic).
topic_verdict check_topic_filter(std::string_view filter, const topic_limits& limits, bool shared_known) noexcept;

} // namespace broker::mqtt
