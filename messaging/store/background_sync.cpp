#include "messaging/store/background_sync.hpp"

#include <utility>

namespace messaging::store {

background_sync::background_sync(std::function<void()> finished) : finished_(std::move(finished)) {}

background_sync::~background_sync() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void background_sync::start(file& what, std::uint64_t commit) {
    busy_ = true;
    {
        const std::lock_guard lock(mutex_);
        asked_ = &what;
        commit_ = commit;
    }
    if (thread_.joinable())
        changed_.notify_all();
    else
        thread_ = std::thread([this] { run(); });
}

bool background_sync::has_result() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
}

std::optional<background_sync::result> background_sync::poll() {
    const std::lock_guard lock(mutex_);
    if (result_) busy_ = false;
    return std::exchange(result_, std::nullopt);
}

std::optional<background_sync::result> background_sync::wait() {
    if (!busy_) return std::nullopt;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return result_.has_value(); });
    busy_ = false;
    return std::exchange(result_, std::nullopt);
}

void background_sync::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stop_ || asked_ != nullptr; });
        if (asked_ == nullptr) return;
        auto& what = *std::exchange(asked_, nullptr);
        const auto commit = commit_;
        lock.unlock();
        const auto error = what.sync();
        lock.lock();
        result_ = result{commit, error};
        changed_.notify_all();
        lock.unlock();
        finished_();
        lock.lock();
    }
}

} // namespace messaging::store
