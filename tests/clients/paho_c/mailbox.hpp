// What the library reports in its own threads, taken in sequence by ours, with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace paho_c {

constexpr std::chrono::seconds patience{20};

/// The service, or the library, did something else than expected.
class unexpected : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

template <typename Value> class mailbox {
  public:
    void put(Value value) {
        const std::lock_guard lock(mutex_);
        values_.push_back(std::move(value));
        came_.notify_one();
    }

    /// The next value; throws `unexpected`, naming `what`, when none comes in time.
    Value take(const char* what) {
        std::unique_lock lock(mutex_);
        if (!came_.wait_for(lock, patience, [this] { return !values_.empty(); }))
            throw unexpected("no " + std::string(what) + " within " + std::to_string(patience.count()) + " s");
        Value value = std::move(values_.front());
        values_.pop_front();
        return value;
    }

  private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<Value> values_;
};

} // namespace paho_c
