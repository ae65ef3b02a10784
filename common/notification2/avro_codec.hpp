// The bare Avro record that carries a message in the original's WebSocket API: binary Avro, no container, no schema
// fingerprint, no length prefix, fields in the order of their names (ref B.1.5).
//
//   clientId contentType        union null | string          dupFlag     boolean
//   correlationData             union null | bytes           messageId   int
//   payloadFormatIndicator      union null | enum            payload     bytes
//   responseTopic topic         union null | string
//   userProperties              union null | map of strings
#pragma once

#include "common/notification2/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace notification2 {

enum class payload_format : std::uint8_t { unspecified = 0, utf_8 = 1 }; // indexes on the wire, never renumber

using user_property = std::pair<std::string_view, std::string_view>;

/// All views; a decoded message lives as long as the bytes it was decoded from.
struct mqtt_service_message {
    std::optional<std::string_view> client_id;
    std::optional<std::string_view> content_type;
    std::optional<std::string_view> correlation_data;
    bool dup_flag = false;
    std::int32_t message_id = 0;
    std::optional<payload_format> format;
    std::optional<std::string_view> response_topic;
    std::optional<std::string_view> topic;
    /// In wire order. A key given twice stays twice here, as in MQTT 5; a reader that builds a map keeps the last.
    std::optional<std::vector<user_property>> user_properties;
    std::string_view payload;

    bool operator==(const mqtt_service_message&) const = default;
};

struct avro_limits {
    std::size_t user_properties_max = 1024;
};

/// Exactly one record: anything after it is an error, as is every length, count, branch or symbol that the schema does
/// not allow, and a string that is not UTF-8. Nothing is allocated before the bytes for it were seen.
core::result<mqtt_service_message> decode_avro(std::string_view bytes, avro_limits limits = {});

/// Appends the record. User properties go as one block with a positive count, as Avro's own writers do.
void append_avro(std::string& out, const mqtt_service_message& message);

} // namespace notification2
