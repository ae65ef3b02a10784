// What the relay tells one client's connection; implemented by edge/connection. Calls come on the loop and never from
// inside a call to the relay.
#pragma once

#include "broker/session/actions.hpp"
#include "common/link/frame.hpp"

#include <cstdint>
#include <string_view>

namespace broker::relay {

class delivery_sink {
  public:
    virtual ~delivery_sink() = default;
    virtual void on_claimed(msg_link::reason why) = 0;
    /// Another connection took the client ID over, or the claim was lost.
    virtual void on_evicted(msg_link::reason why) = 0;
    /// A QoS 1 publish, or (identifier 0) one of QoS 0 that was refused. `topic`: of a refused one, where it is known.
    virtual void on_settled(std::uint16_t packet_identifier, msg_link::reason why, std::string_view topic) = 0;
    virtual void on_filter_done(std::uint32_t request, bool added, std::string_view filter, msg_link::reason why) = 0;
    virtual void on_stream_ended(msg_link::reason why) = 0;
    virtual session::delivery_result on_deliver(const session::delivery& message) = 0;
    /// The client waits for its tenant's delivery rate.
    virtual void on_paced() = 0;
    /// Publishes can be taken again, or answers were queued: go on reading and flush.
    virtual void on_relay_progress() = 0;

  protected:
    delivery_sink() = default;
    delivery_sink(const delivery_sink&) = default;
    delivery_sink& operator=(const delivery_sink&) = default;
};

} // namespace broker::relay
