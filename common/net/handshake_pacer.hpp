// Spreads TLS handshakes over the turns of the event loop: each step costs a third of a millisecond and more, and a
// thousand clients that reconnect at once must not hold up those that are connected. Steps take at most `per_turn` of a
// turn; the others wait in order. One thread; shared by the transports of one listener, which it outlives.
#pragma once

#include "common/async/event.hpp"
#include "common/async/turn_call.hpp"
#include "common/core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <deque>

namespace net {

namespace asio = boost::asio;

class handshake_pacer {
  public:
    using duration = std::chrono::microseconds;
    static constexpr duration default_per_turn{4'000};

    /// `time` outlives the pacer.
    handshake_pacer(asio::any_io_executor executor, const core::clock& time, duration per_turn = default_per_turn);

    /// What a step takes is measured from here to the end of this object.
    class step {
      public:
        explicit step(handshake_pacer& of) : of_(&of), begun_(of.time_.now()) {}
        step(step&& other) noexcept : of_(other.of_), begun_(other.begun_) { other.of_ = nullptr; }
        step& operator=(step&&) = delete;
        ~step() {
            if (of_ != nullptr) of_->took(of_->time_.now() - begun_);
        }

      private:
        handshake_pacer* of_;
        core::steady_time begun_;
    };

    /// Resolves when this turn has time for one more step; also when the waiting task is cancelled.
    asio::awaitable<step> next();
    std::size_t waiting() const noexcept { return waiting_.size(); }

  private:
    void took(core::steady_time::duration time);
    void on_turn();
    void grant_one();

    asio::any_io_executor executor_;
    const core::clock& time_;
    duration per_turn_;
    core::steady_time::duration spent_{};
    std::deque<async::event*> waiting_;
    async::turn_call turn_;
};

} // namespace net
