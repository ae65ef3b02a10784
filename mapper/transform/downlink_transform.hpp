// Operation notification and mapping to an MQTT message, and the device's answer to the operation's new status (ref
// C.8, D.7). Pure: no network, no clock. Owned by a worker; one thread.
#pragma once

#include "mapper/payload/json.hpp"
#include "mapper/transform/outcome.hpp"

#include <optional>
#include <span>

namespace mapper::transform {

/// What a status PUT carries.
std::string status_body(std::string_view status, std::string_view failure_reason = {});

class downlink_transform {
  public:
    explicit downlink_transform(expression::budget limits = {}) : evaluator_(limits) {}

    /// True when the operation carries the mapping's fragment and the device is of its type.
    bool applies(const mapping::mapping& to, std::string_view operation_json, const device_context& device);
    /// Fills the message. False: see error().
    bool publish(const mapping::mapping& with, std::string_view operation_json, const device_context& device,
                 std::int64_t now_ms, publish_request& into);
    /// The operation that `message` answers, and its new status; empty when it answers none of them, or when no outcome
    /// of `set:` applies. On failure it is empty too and failed() is true.
    std::optional<status_update> answer(const mapping::mapping& with, const inbound_message& message,
                                        std::span<const open_operation* const> open);

    bool failed() const noexcept { return failed_; }
    const transform_error& error() const noexcept { return error_; }

  private:
    bool decode(std::string_view operation_json, const mapping::mapping& with);
    void set_device(const device_context& device);
    bool refuse(const mapping::mapping& with, const mapping::source_place& at, std::string message);
    std::optional<status_update> outcome(const mapping::mapping& with, const open_operation& of, mapping::fill& filled);

    expression::evaluator evaluator_;
    payload::json_decoder operations_;
    payload::json_decoder answers_;
    std::vector<expression::value> slots_;
    std::vector<std::string_view> named_;
    bool failed_ = false;
    transform_error error_;
};

} // namespace mapper::transform
