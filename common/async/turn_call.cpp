#include "common/async/turn_call.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace async {

struct turn_call::state {
    asio::any_io_executor executor;
    std::function<void()> call;
    bool posted = false;
    bool over = false;
};

turn_call::turn_call(asio::any_io_executor executor, std::function<void()> call)
    : state_(std::make_shared<state>(state{std::move(executor), std::move(call)})) {}

turn_call::~turn_call() { state_->over = true; }

void turn_call::kick() {
    if (std::exchange(state_->posted, true)) return;
    asio::post(state_->executor, [state = state_] {
        state->posted = false;
        if (!state->over) state->call();
    });
}

} // namespace async
