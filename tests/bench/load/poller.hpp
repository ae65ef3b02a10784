// epoll with nanosecond timeouts; each descriptor has a number, and write interest is switched only when it changes.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

class poller {
  public:
    poller() : descriptor_(epoll_create1(EPOLL_CLOEXEC)), events_(256) {}
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    ~poller() { ::close(descriptor_); }

    void add(int descriptor, std::uint32_t number) {
        if (writing_.size() <= number) writing_.resize(number + std::size_t{1});
        writing_[number] = false;
        change(EPOLL_CTL_ADD, descriptor, number);
    }
    /// For who reads and writes until it would block, each time: told of changes only, so that interest never changes.
    void add_for_changes(int descriptor, std::uint32_t number, bool writing) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP | static_cast<std::uint32_t>(EPOLLET);
        if (writing) event.events |= EPOLLOUT;
        event.data.u32 = number;
        epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event);
    }
    void remove(int descriptor) { epoll_ctl(descriptor_, EPOLL_CTL_DEL, descriptor, nullptr); }
    void want_write(int descriptor, std::uint32_t number, bool wanted) {
        if (writing_[number] == wanted) return;
        writing_[number] = wanted;
        change(EPOLL_CTL_MOD, descriptor, number);
    }
    std::span<const epoll_event> wait(std::uint64_t timeout_ns) {
        timespec limit{.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000u),
                       .tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000u)};
        int count = -1;
        if (!coarse_) {
            count = epoll_pwait2(descriptor_, events_.data(), static_cast<int>(events_.size()), &limit, nullptr);
            coarse_ = count < 0 && errno == ENOSYS;
        }
        // A kernel without it gets whole milliseconds, rounded down: early costs a turn, late would falsify latencies.
        if (coarse_)
            count = epoll_wait(descriptor_, events_.data(), static_cast<int>(events_.size()),
                               static_cast<int>(std::min<std::uint64_t>(timeout_ns / 1'000'000u, 1'000u)));
        return {events_.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
    }

  private:
    void change(int operation, int descriptor, std::uint32_t number) {
        epoll_event event{};
        event.events = EPOLLIN | (writing_[number] ? EPOLLOUT : 0u);
        event.data.u32 = number;
        epoll_ctl(descriptor_, operation, descriptor, &event);
    }

    int descriptor_;
    bool coarse_ = false;
    std::vector<epoll_event> events_;
    std::vector<bool> writing_;
};

} // namespace bench
