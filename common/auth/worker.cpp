#include "common/auth/worker.hpp"

#include <utility>

namespace auth {

worker::worker(std::size_t waiting_max) : waiting_max_(waiting_max), thread_([this] { loop(); }) {}

worker::~worker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

bool worker::run(std::function<void()> job) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= waiting_max_) return false;
        waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

void worker::loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        auto job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job();
        job = nullptr; // what it captured goes while the lock is free
        lock.lock();
    }
}

} // namespace auth
