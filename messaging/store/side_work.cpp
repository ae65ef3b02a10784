#include "messaging/store/side_work.hpp"

#include <utility>

namespace messaging::store {

side_work::side_work(bool threaded, std::function<void()> finished)
    : threaded_(threaded), finished_(std::move(finished)) {}

side_work::~side_work() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void side_work::start(std::function<core::error_code()> work) {
    busy_ = true;
    if (!threaded_) {
        result_ = work();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        asked_ = std::move(work);
    }
    if (thread_.joinable())
        changed_.notify_all();
    else
        thread_ = std::thread([this] { run(); });
}

bool side_work::has_result() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
}

std::optional<core::error_code> side_work::poll() {
    const std::lock_guard lock(mutex_);
    if (result_) busy_ = false;
    return std::exchange(result_, std::nullopt);
}

std::optional<core::error_code> side_work::wait() {
    if (!busy_) return std::nullopt;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return result_.has_value(); });
    busy_ = false;
    return std::exchange(result_, std::nullopt);
}

void side_work::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stop_ || asked_; });
        if (!asked_) return;
        const auto work = std::exchange(asked_, nullptr);
        lock.unlock();
        const auto error = work();
        lock.lock();
        result_ = error;
        changed_.notify_all();
        lock.unlock();
        finished_();
        lock.lock();
    }
}

} // namespace messaging::store
