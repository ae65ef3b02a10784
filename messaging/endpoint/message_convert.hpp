// Between the payloads of the original's WebSocket frames and records: pure functions (ref B.1.5, C.8).
#pragma once

#include "common/core/bytes.hpp"
#include "common/notification2/avro_codec.hpp"
#include "common/record/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace messaging::endpoint {

/// Appends the record of an application's message. Empty, or one sentence about what cannot be carried; then `out` is
/// as it was. `store_topic` is the token's; the MQTT topic is kept only where it differs.
std::string record_from_message(const notification2::mqtt_service_message& message, std::string_view store_topic,
                                std::int64_t now_ms, std::string& out);

/// The same for type `relnotif`: `text` is `/<tenant>/<api>/<source>` LF `<ACTION>` LF LF `<body>`.
std::string record_from_notification(std::string_view text, std::int64_t now_ms, std::string& out);

/// What a consumer is told of a message beside what the original's Avro record has room for.
enum class extra_properties : std::uint8_t {
    none,
    from_device ///< ref A.11, as user properties: tx.clientUsername, tx.clientAuthType, tx.lastWillMessage
};

/// Appends the Avro record of a stored message; false for bytes that are no record or hold texts that are not UTF-8.
bool append_message(std::string& out, core::byte_span record, std::string_view store_topic,
                    extra_properties extra = extra_properties::none);

/// Builds a whole notification frame in the empty `frame`; false when the record holds no notification.
bool append_notification_frame(std::string& frame, std::string_view ack_header, core::byte_span record);

} // namespace messaging::endpoint
