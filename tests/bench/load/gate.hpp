// Many clients on their way in at once: starts them, moves them on, gives up on the late, and watches those that are
// in. Clients have numbers from 0, chosen by the owner and free again when a client failed, was lost or was let go.
#pragma once

#include "tests/bench/load/arrival.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/poller.hpp"
#include "tests/bench/load/starter.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// What happens to the clients of a gate; called from `turn` and, for a client that cannot even start, from `start`.
class gate_events {
  public:
    virtual void on_in(std::uint32_t number, const arrival& client) = 0;
    virtual void on_failed(std::uint32_t number, const std::string& why) = 0;
    /// It was in and the peer closed it.
    virtual void on_lost(std::uint32_t number) = 0;

  protected:
    ~gate_events() = default;
};

class gate {
  public:
    gate(const options& given, gate_events& owner);

    const std::string& problem() const noexcept { return starter_.problem(); }
    /// `filter` empty: no subscription.
    void start(std::uint32_t number, const std::string& client_id, const std::string& filter);
    /// Waits at most so long for something to happen, and sees to it.
    void turn(std::uint64_t wait_ns);
    /// DISCONNECT and close.
    void let_go(std::uint32_t number);
    std::size_t under_way() const noexcept { return under_way_; }

  private:
    struct deadline {
        std::uint64_t at_ns = 0;
        std::uint32_t number = 0;
        const arrival* client = nullptr;
        std::uint64_t begun_ns = 0;
    };

    void on_ready(std::uint32_t number);
    void on_traffic(std::uint32_t number);
    void give_up_on_late(std::uint64_t now_ns);
    void remove(std::uint32_t number);
    void fail(std::uint32_t number, const std::string& why);

    const options& options_;
    gate_events& owner_;
    starter starter_;
    poller poller_;
    std::vector<std::unique_ptr<arrival>> clients_;
    std::deque<deadline> deadlines_; ///< In order, because all have the same patience.
    std::size_t under_way_ = 0;
};

} // namespace bench
