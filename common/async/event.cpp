#include "common/async/event.hpp"

#include "common/async/tokens.hpp"

#include <cassert>
#include <utility>

namespace async {

event::event(asio::any_io_executor executor) : timer_(std::move(executor), core::steady_time::max()) {}

void event::notify() noexcept {
    notified_ = true;
    if (!waiting_) return;
    waiting_ = false;
    timer_.cancel();
}

asio::awaitable<void> event::wait() { (void)co_await wait_until(core::steady_time::max()); }

asio::awaitable<bool> event::wait_until(core::steady_time deadline) {
    assert(!waiting_);
    if (!notified_) {
        // Setting the expiry is a timer operation; the plain wait leaves it at "never".
        if (timer_.expiry() != deadline) timer_.expires_at(deadline);
        waiting_ = true;
        [[maybe_unused]] auto [error] = co_await timer_.async_wait(as_result);
        waiting_ = false;
    }
    co_return std::exchange(notified_, false);
}

} // namespace async
