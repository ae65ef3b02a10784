// All link sessions: those with a connection and those on lease. Owner of them; ends what was not resumed in time.
#pragma once

#include "common/core/clock.hpp"
#include "messaging/topic/hub.hpp"
#include "messaging/topic/link_session.hpp"

#include <functional>
#include <memory>
#include <unordered_map>

namespace messaging::endpoint {

class link_sessions {
  public:
    link_sessions(topic::hub& owner, const core::clock& time) : hub_(owner), clock_(time) {}

    /// After the hub opened: sessions found in the log get a new lease.
    void recover();
    /// The session of that number, made when it is new. `replace` is called with a session that had a connection:
    /// the new one takes over.
    topic::link_session& find_or_make(std::uint64_t number);
    /// Null when there is none (its lease is over).
    const topic::link_session* find(std::uint64_t number) const noexcept;
    /// Ends sessions whose lease is over. Call every 100 ms or so.
    void tick();
    std::size_t size() const noexcept { return sessions_.size(); }
    std::size_t connected() const noexcept;
    /// Ends all objects (not the leases, which the log keeps); before the hub closes.
    void clear() { sessions_.clear(); }

  private:
    topic::hub& hub_;
    const core::clock& clock_;
    std::unordered_map<std::uint64_t, std::unique_ptr<topic::link_session>> sessions_;
};

} // namespace messaging::endpoint
