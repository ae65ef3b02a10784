// The names of ref A.11: `from-device` and `to-device`, and where messages to devices lie in the store. An application
// publishes to `to-device` and says in the record whom it means; messaging stores the message under
//     $to-device/<client ID>/<MQTT topic>     for one client
//     $to-device//<MQTT topic>                for every client with a matching subscription
// so that a device's filters, put behind the same two prefixes, find it by the ordinary rules and nothing else does:
// `#` matches no name that begins with `$`. Client IDs are percent-encoded where they hold `/ + # %`. Pure functions.
#pragma once

#include "common/record/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace record {

inline constexpr std::string_view from_device = "from-device";
inline constexpr std::string_view to_device = "to-device";
inline constexpr std::string_view to_device_prefix = "$to-device/";

/// Appends the store topic or filter for `topic` of one client; an empty `client_id` means all clients.
void append_to_device(std::string& out, std::string_view client_id, std::string_view topic);

/// Where a client reads the errors that concern it (ref A.9), and where an application reads those of all. In the store
/// each client has a topic of its own behind it: `$debug/$error/<client ID>`, encoded as above.
inline constexpr std::string_view error_topic = "$debug/$error";
inline constexpr std::string_view error_prefix = "$debug/$error/";
/// What the service has to tell a tenant's administrators; the mapper raises it as alarms (ref A.12).
inline constexpr std::string_view alarm_topic = "$debug/$alarm";
/// Only the service itself publishes below this.
inline constexpr std::string_view service_prefix = "$debug/";
/// Below it the dead letters of each subscription.
inline constexpr std::string_view dead_letter_prefix = "$dead/";

void append_error_topic(std::string& out, std::string_view client_id);

/// The MQTT topic of a store topic made by append_to_device or append_error_topic; any other name as it is.
std::string_view mqtt_topic_of(std::string_view store_topic) noexcept;

/// What ref A.11 calls invalid, one alarm type each.
enum class to_device_fault : std::uint8_t { none, no_key, invalid_key, empty_client_id, missing_topic, empty_topic };
constexpr std::size_t to_device_fault_count = 6;

to_device_fault check_to_device(const fields& message) noexcept;
/// `c8y_MqttService_ToDevice_…`; empty for none.
std::string_view alarm_type(to_device_fault fault) noexcept;

} // namespace record
