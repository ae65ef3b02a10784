// What the transforms take and give: plain data between messages, mappings and the platform. No I/O.
#pragma once

#include "mapper/mapping/mapping.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mapper::transform {

/// A message as it came from a device. Views; they must live as long as the transform works on it.
struct inbound_message {
    std::string_view topic;
    std::string_view payload;
    std::string_view client_id;
    std::string_view user;
    std::int64_t time_ms = 0; ///< arrival, Unix milliseconds
};

/// Why a mapping could not be applied: enough for the dead-letter topic and for a person.
struct transform_error {
    std::string mapping;
    std::string file;
    std::string key_path;
    int line = 0;
    int column = 0;
    std::string message;
    /// `file:line:column: error: key.path: message`
    std::string text() const;
};

struct device_reference {
    std::string type;        ///< of the external ID, e.g. c8y_Serial
    std::string external_id; ///< never empty, "null" or "undefined"
    bool create = false;     ///< may be created when it is unknown
    std::string create_body; ///< then: the managed object as JSON
};

enum class output_kind : std::uint8_t { measurement, event, alarm, alarm_clear, inventory };

struct output {
    output_kind kind = output_kind::event;
    std::uint32_t device = 0; ///< index into uplink_result::devices
    std::string body;         ///< a JSON object without `source`; empty for alarm_clear
    std::string alarm_type;   ///< of alarm and alarm_clear
};

/// Reused from message to message; only the first `output_count` outputs count.
struct uplink_result {
    std::vector<device_reference> devices;
    std::vector<output> outputs;
    std::size_t output_count = 0;
    transform_error error;
};

enum class uplink_status : std::uint8_t {
    made,    ///< outputs hold what to send
    skipped, ///< `when` does not hold, or there was nothing to send
    failed   ///< see error
};

/// A device as the platform knows it, for outbound mappings.
struct device_context {
    std::string id;
    std::string name;
    std::string type;
    std::vector<std::pair<std::string, std::string>> external_ids; ///< type, external ID
};

struct publish_request {
    std::string topic;
    std::string payload;
    std::uint8_t qos = 1;
};

/// An operation that was published and waits for its answer.
struct open_operation {
    std::string id;
    std::string json; ///< as the notification brought it
    device_context device;
};

struct status_update {
    std::string operation_id;
    std::string status;
    std::string failure_reason;
    std::string body; ///< for PUT /devicecontrol/operations/{id}: status, failureReason and result members
};

} // namespace mapper::transform
