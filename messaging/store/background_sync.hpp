// One sync at a time on a thread of its own, for durability::os: nobody waits for it, so the thread that writes must
// not either. Loaded from a flood, one sync a second takes a hundred milliseconds, and every message would.
#pragma once

#include "messaging/store/file.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace messaging::store {

class background_sync {
  public:
    struct result {
        std::uint64_t commit = 0; ///< all commits up to it were written before the sync began
        core::error_code error;
    };

    /// `finished` is called on the thread after each sync; calls of poll() see its result then.
    explicit background_sync(std::function<void()> finished);
    /// Waits for the sync under way.
    ~background_sync();
    background_sync(const background_sync&) = delete;
    background_sync& operator=(const background_sync&) = delete;

    /// Precondition: no sync is under way and the last result was taken. `what` stays open until the result is taken.
    void start(file& what, std::uint64_t commit);
    /// Between start() and the call that took its result.
    bool busy() const noexcept { return busy_; }
    /// Thread-safe: a result is there to be taken.
    bool has_result() const;
    /// Takes the result when it is there.
    std::optional<result> poll();
    /// Waits for the sync under way and takes its result; nothing when there is none.
    std::optional<result> wait();

  private:
    void run();

    std::function<void()> finished_;
    bool busy_ = false; ///< the owner's thread only
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    file* asked_ = nullptr;        // under mutex_
    std::uint64_t commit_ = 0;     // under mutex_
    std::optional<result> result_; // under mutex_
    bool stop_ = false;            // under mutex_
    std::thread thread_;           // last; begins with the first sync
};

} // namespace messaging::store
