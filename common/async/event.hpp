// "There is something to do": one waiter, any number of notifiers, all on the thread of the executor. A notification
// given while nobody waits is kept, several are one. Owned by the object whose state changed.
#pragma once

#include "common/core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace async {

namespace asio = boost::asio;

class event {
  public:
    explicit event(asio::any_io_executor executor);
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    /// Wakes the waiter, or lets the next wait return at once.
    void notify() noexcept;

    /// Returns after a notification, which it consumes; also when the waiting task is cancelled, whose next
    /// `co_await` then throws. At most one wait at a time; the event outlives it.
    asio::awaitable<void> wait();

    /// As `wait`, but false when `deadline` came first.
    asio::awaitable<bool> wait_until(core::steady_time deadline);

  private:
    asio::steady_timer timer_;
    bool notified_ = false;
    bool waiting_ = false;
};

} // namespace async
