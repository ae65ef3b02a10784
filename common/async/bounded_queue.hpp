// A queue between two tasks of one thread, bounded in items and bytes. Full is the pusher's problem: `push` says so and
// the pusher stops reading, slows down or closes. One consumer.
#pragma once

#include "common/async/event.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace async {

template <class Item> class bounded_queue {
  public:
    bounded_queue(asio::any_io_executor executor, std::size_t items_max, std::size_t bytes_max)
        : items_max_(items_max), bytes_max_(bytes_max), changed_(std::move(executor)) {}

    /// False, and nothing taken, when the queue is closed or the item does not fit. A single item larger than
    /// `bytes_max` fits an empty queue, so that it can pass at all.
    bool push(Item item, std::size_t bytes) {
        const bool fits = items_.size() < items_max_ && (items_.empty() || bytes_ + bytes <= bytes_max_);
        if (closed_ || !fits) return false;
        items_.push_back({std::move(item), bytes});
        bytes_ += bytes;
        changed_.notify();
        return true;
    }

    /// The oldest item; empty when the queue was closed and is drained, or the waiting task cancelled.
    asio::awaitable<std::optional<Item>> pop() {
        while (items_.empty() && !closed_) {
            const bool notified = co_await changed_.wait_until(core::steady_time::max());
            if (!notified) break;
        }
        std::optional<Item> taken;
        if (!items_.empty()) {
            taken.emplace(std::move(items_.front().item));
            bytes_ -= items_.front().bytes;
            items_.pop_front();
        }
        co_return taken;
    }

    /// No more pushes; what is queued can still be taken.
    void close() {
        closed_ = true;
        changed_.notify();
    }

    std::size_t size() const noexcept { return items_.size(); }
    std::size_t bytes() const noexcept { return bytes_; }

  private:
    struct entry {
        Item item;
        std::size_t bytes;
    };

    std::size_t items_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    bool closed_ = false;
    std::deque<entry> items_;
    event changed_;
};

} // namespace async
