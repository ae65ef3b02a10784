// Work on files that no commit waits for, one piece at a time on a thread of its own: syncs with durability::os, and
// snapshots. On the thread that writes, beside a client that floods, one sync a second holds every message up for a
// hundred milliseconds.
#pragma once

#include "common/core/error.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace messaging::store {

class side_work {
  public:
    /// `finished` is called after each piece, on the thread: poll() has its result then. Not `threaded`: start() does
    /// the work before it returns, so that tests see one order of operations.
    side_work(bool threaded, std::function<void()> finished);
    /// Waits for what is under way.
    ~side_work();
    side_work(const side_work&) = delete;
    side_work& operator=(const side_work&) = delete;

    /// Precondition: not busy(). Whatever `work` uses stays until its result is taken.
    void start(std::function<core::error_code()> work);
    /// From start() to the call that took the result. Owner's thread only.
    bool busy() const noexcept { return busy_; }
    /// A result is there to be taken. Thread-safe.
    bool has_result() const;
    /// Takes the result when it is there.
    std::optional<core::error_code> poll();
    /// Waits for the result and takes it; nothing when not busy().
    std::optional<core::error_code> wait();

  private:
    void run();

    const bool threaded_;
    std::function<void()> finished_;
    bool busy_ = false; // owner's thread
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::function<core::error_code()> asked_; // under mutex_
    std::optional<core::error_code> result_;  // under mutex_
    bool stop_ = false;                       // under mutex_
    std::thread thread_;                      // last; begins with the first work
};

} // namespace messaging::store
