// Message and mapping to platform requests: decode, evaluate, fill, check what the platform demands (ref D.3 to D.6).
// Pure: no network, no clock. Owned by a worker; one thread; keeps its memory from message to message.
#pragma once

#include "mapper/payload/json.hpp"
#include "mapper/transform/outcome.hpp"

namespace mapper::transform {

class uplink_transform {
  public:
    explicit uplink_transform(expression::budget limits = {}) : evaluator_(limits) {}

    /// Begins a message. The payload is decoded when the first mapping asks for it, once for all mappings.
    void open(const inbound_message& message);
    /// Applies one mapping to the open message. `result` is overwritten.
    uplink_status apply(const mapping::mapping& with, uplink_result& result);

  private:
    bool decode(const mapping::mapping& with, uplink_result& result);
    bool resolve_device(const mapping::device_rule& rule, mapping::fill& with, uplink_result& result);

    expression::evaluator evaluator_;
    payload::json_decoder decoder_;
    inbound_message message_;
    enum class decoded : std::uint8_t { not_yet, yes, refused } decoded_ = decoded::not_yet;
    std::vector<expression::value> slots_;
    std::vector<std::string_view> named_;
};

} // namespace mapper::transform
