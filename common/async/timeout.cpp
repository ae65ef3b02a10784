#include "common/async/timeout.hpp"

#include "common/core/error.hpp"

#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace async {

struct timeout::state {
    state(asio::any_io_executor executor, std::chrono::milliseconds after, std::function<void()> call)
        : timer(std::move(executor), after), on_late(std::move(call)) {}

    asio::steady_timer timer;
    std::function<void()> on_late;
    bool late = false;
    bool over = false;
};

timeout::timeout(asio::any_io_executor executor, std::chrono::milliseconds after, std::function<void()> on_late)
    : state_(std::make_shared<state>(std::move(executor), after, std::move(on_late))) {
    // A completion already queued when the object dies finds `over` set.
    state_->timer.async_wait([state = state_](const core::error_code& error) {
        if (error || state->over) return;
        state->over = true;
        state->late = true;
        state->on_late();
    });
}

timeout::~timeout() { cancel(); }

void timeout::cancel() noexcept {
    if (std::exchange(state_->over, true)) return;
    state_->timer.cancel();
}

bool timeout::late() const noexcept { return state_->late; }

} // namespace async
