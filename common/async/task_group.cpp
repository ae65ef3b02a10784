#include "common/async/task_group.hpp"

#include "common/async/event.hpp"
#include "common/core/log.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <list>

namespace async {

struct task_group::state {
    struct task {
        std::string name;
        asio::cancellation_signal signal;
    };

    state(asio::any_io_executor on, std::string named) : executor(on), owner(std::move(named)), ended(std::move(on)) {}

    asio::any_io_executor executor;
    std::string owner;
    std::list<task> tasks;
    event ended;
    bool stopping = false;

    void log_failure(const std::string& name, const char* reason) const {
        core::log::error("task failed", {{"owner", owner}, {"task", name}, {"reason", reason}});
    }

    void finish(std::list<task>::iterator at, const std::exception_ptr& thrown) {
        if (thrown) report(at->name, thrown);
        tasks.erase(at);
        if (tasks.empty()) ended.notify();
    }

    void report(const std::string& name, const std::exception_ptr& thrown) const {
        try {
            std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& error) {
            if (stopping && error.code() == asio::error::operation_aborted) return;
            log_failure(name, error.what());
        } catch (const std::exception& error) {
            log_failure(name, error.what());
        } catch (...) {
            log_failure(name, "not a standard exception");
        }
    }

    void cancel_all() {
        for (auto& each : tasks) each.signal.emit(asio::cancellation_type::terminal);
    }
};

namespace {

// Boost 1.81 ends a spawned coroutine that never left its first turn with one more `co_await`; when that coroutine was
// cancelled meanwhile this throws out of the event loop. Hence every task begins with a turn of its own.
asio::awaitable<void> begin_next_turn(asio::any_io_executor executor, asio::awaitable<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::post(executor, asio::use_awaitable);
    co_await asio::this_coro::throw_if_cancelled(true);
    co_await std::move(task);
}

} // namespace

task_group::task_group(asio::any_io_executor executor, std::string owner)
    : state_(std::make_shared<state>(std::move(executor), std::move(owner))) {}

task_group::~task_group() { stop(); }

bool task_group::spawn(std::string name, asio::awaitable<void> task) {
    if (state_->stopping) return false;
    state_->tasks.emplace_front();
    const auto at = state_->tasks.begin();
    at->name = std::move(name);
    auto finished = [state = state_, at](const std::exception_ptr& thrown) { state->finish(at, thrown); };
    asio::co_spawn(state_->executor, begin_next_turn(state_->executor, std::move(task)),
                   asio::bind_cancellation_slot(at->signal.slot(), std::move(finished)));
    return true;
}

void task_group::stop() {
    if (state_->stopping) return;
    state_->stopping = true;
    if (state_->tasks.empty()) return;
    // In Boost 1.81 the cancellation of a spawned coroutine posts a raw pointer unless it is emitted on the executor's
    // thread; dispatching makes sure of that and runs at once when already there.
    asio::dispatch(state_->executor, [state = state_] { state->cancel_all(); });
}

asio::awaitable<void> task_group::join() {
    const auto kept = state_;
    while (!kept->tasks.empty()) co_await kept->ended.wait();
}

std::size_t task_group::size() const noexcept { return state_->tasks.size(); }
bool task_group::stopping() const noexcept { return state_->stopping; }

} // namespace async
