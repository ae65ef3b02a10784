// Tasks that belong together and end together: an object spawns its coroutines here, and its end is `stop()` and
// `co_await join()`, so that nothing runs on after its members died. One thread, the executor's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace async {

namespace asio = boost::asio;

class task_group {
  public:
    /// `owner` stands in the log before the names of the tasks.
    explicit task_group(asio::any_io_executor executor, std::string owner = {});
    /// Cancels what still runs. Tasks that refer to the owner's members must have been joined before.
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts `task` in the next turn of the loop. What it throws is logged with its name as an error, except the
    /// cancellation that `stop` caused. After `stop` the task is dropped unstarted and false returned.
    bool spawn(std::string name, asio::awaitable<void> task);

    /// Cancels every task and refuses new ones; idempotent. Cancellation reaches a task at its next or current
    /// `co_await`.
    void stop();

    /// Resolves when no task is left, without stopping any. A cancelled caller first awaits
    /// `this_coro::throw_if_cancelled(false)`. Not for a task of the group itself; at most one join at a time.
    asio::awaitable<void> join();

    std::size_t size() const noexcept;
    bool stopping() const noexcept;

  private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace async
