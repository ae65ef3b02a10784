// One source of sequenced work (a link session, a producer WebSocket): counts what it was given and learns, strictly in
// sequence, what became of it (FORMAT.md "settle rule"). The hub owns the order; this is the bookkeeping of one source.
#pragma once

#include "common/link/frame.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace messaging::topic {

class publish_source {
  public:
    virtual ~publish_source() = default;

    std::uint64_t received = 0; ///< sequence of the last frame taken
    std::uint64_t settled = 0;
    std::uint64_t producer = 0; ///< 0: not logged, nothing is resumed
    bool dirty = false;         ///< received something since the last mark

    std::vector<msg_link::run> failed_runs; ///< refused by the log after they had been taken; hub's bookkeeping

    /// Of a link; 0 for sources without resume.
    virtual std::uint64_t session_number() const noexcept { return 0; }

    /// Outcome of the frame `received` when it is not plain success. Ascending calls.
    void note(msg_link::reason why);
    /// Takes the runs noted since the last call; they belong to the mark being made.
    std::vector<msg_link::run> take_runs() noexcept { return std::move(noted_); }
    /// Runs of recently settled frames, for a client that was not told; bounded by the unsettled window.
    const std::deque<msg_link::run>& recent_runs() const noexcept { return recent_; }
    void remember(const std::vector<msg_link::run>& runs);

    /// Everything up to `up_to` is settled. `runs` names what did not plainly succeed.
    virtual void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) = 0;

  protected:
    publish_source() = default;
    publish_source(const publish_source&) = delete;
    publish_source& operator=(const publish_source&) = delete;

  private:
    std::vector<msg_link::run> noted_;
    std::deque<msg_link::run> recent_;
};

/// Takes what lies at or below `up_to` out of ascending runs; one that goes on behind it is cut.
std::vector<msg_link::run> take_runs_up_to(std::vector<msg_link::run>& runs, std::uint64_t up_to);

/// Adds one outcome to ascending runs, extending the last one where it continues it.
void append_run(std::vector<msg_link::run>& runs, std::uint64_t sequence, msg_link::reason why);

} // namespace messaging::topic
