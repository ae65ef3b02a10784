// One thread that does costly things in order, so that the loop never waits. The hand-over is by move through a bounded
// queue; this mutex is one of the few in the system (style §7).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace auth {

class worker {
  public:
    explicit worker(std::size_t waiting_max);
    /// Finishes the job at hand, drops those that wait.
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// False, without side effect, when `waiting_max` jobs wait already. Jobs must not throw.
    [[nodiscard]] bool run(std::function<void()> job);

  private:
    void loop();

    const std::size_t waiting_max_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> waiting_;
    bool stopping_ = false;
    std::thread thread_; // last, so that it starts when all else is there
};

} // namespace auth
