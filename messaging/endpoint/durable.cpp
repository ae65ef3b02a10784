#include "messaging/endpoint/durable.hpp"

#include "common/async/event.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>

namespace messaging::endpoint {

namespace {
struct outcome {
    explicit outcome(asio::any_io_executor executor) : there(std::move(executor)) {}
    async::event there;
    core::error_code error = asio::error::operation_aborted;
};
} // namespace

asio::awaitable<core::error_code> durable(topic::hub& hub, asio::any_io_executor executor) {
    const auto state = std::make_shared<outcome>(std::move(executor)); // the hub may answer after we were cancelled
    hub.when_durable([state](core::error_code error) {
        state->error = error;
        state->there.notify();
    });
    co_await state->there.wait();
    co_return state->error;
}

asio::awaitable<bool> cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

} // namespace messaging::endpoint
