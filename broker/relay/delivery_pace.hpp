// How many QoS 1 deliveries may follow those that clients have acknowledged. Implemented by broker/tenant.
#pragma once

#include "common/core/clock.hpp"

#include <cstdint>

namespace broker::relay {

class delivery_pace {
  public:
    virtual ~delivery_pace() = default;
    /// At most `wanted`; the rest is asked for again in a tenth of a second.
    virtual std::uint32_t take(core::steady_time now, std::uint32_t wanted) noexcept = 0;

  protected:
    delivery_pace() = default;
    delivery_pace(const delivery_pace&) = default;
    delivery_pace& operator=(const delivery_pace&) = default;
};

} // namespace broker::relay
