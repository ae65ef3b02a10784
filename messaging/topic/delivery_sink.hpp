// What a consumer delivers to: one link, or one WebSocket of the original's API. Declared here, implemented by
// endpoint/, because the dispatcher groups all streams of one sink that are at the same place into one call.
#pragma once

#include "common/core/bytes.hpp"
#include "common/link/frame.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace messaging::topic {

class topic;
class subscription;

class delivery_sink {
  public:
    virtual ~delivery_sink() = default;

    /// False: nothing may be handed over now (link down, window used up). Whoever returns false calls
    /// hub::sink_ready later.
    virtual bool ready() const noexcept = 0;
    /// One record for all `streams` (top bit: must be acknowledged). Queues; never blocks; `record` is copied.
    virtual void deliver(const std::vector<std::uint32_t>& streams, const topic& from, std::uint64_t position,
                         std::uint8_t delivery_count, core::byte_span record) = 0;
    /// The consumer is gone; the sink forgets the stream.
    virtual void ended(std::uint32_t stream, msg_link::reason why, std::string_view message) = 0;

    // Scratch of the dispatcher: the streams that get the record at hand.
    std::vector<std::uint32_t> gathered_streams;
    // Subscriptions that have something for this sink and wait until it is ready.
    std::vector<subscription*> waiting;

  protected:
    delivery_sink() = default;
    delivery_sink(const delivery_sink&) = delete;
    delivery_sink& operator=(const delivery_sink&) = delete;
};

} // namespace messaging::topic
