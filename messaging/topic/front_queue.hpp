// A queue that is filled at the back and emptied at the front, in one piece of memory, and that costs nothing while it
// is empty (std::deque allocates 600 bytes for that, which 100,000 idle topics cannot afford). Elements are found by
// binary search; insertion in the middle is for the rare case. Iterators are invalid after every change.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace messaging::topic {

template <class T> class front_queue {
  public:
    using value_type = T;
    using iterator = T*;
    using const_iterator = const T*;

    bool empty() const noexcept { return head_ == items_.size(); }
    std::size_t size() const noexcept { return items_.size() - head_; }
    std::size_t max_size() const noexcept { return items_.max_size(); }
    T* begin() noexcept { return items_.data() + head_; }
    T* end() noexcept { return items_.data() + items_.size(); }
    const T* begin() const noexcept { return items_.data() + head_; }
    const T* end() const noexcept { return items_.data() + items_.size(); }
    T& operator[](std::size_t i) noexcept { return items_[head_ + i]; }
    const T& operator[](std::size_t i) const noexcept { return items_[head_ + i]; }
    T& front() noexcept { return items_[head_]; }
    const T& front() const noexcept { return items_[head_]; }
    T& back() noexcept { return items_.back(); }
    const T& back() const noexcept { return items_.back(); }

    void push_back(T one) { items_.push_back(std::move(one)); }
    void pop_front() noexcept {
        ++head_;
        if (head_ == items_.size())
            clear();
        else if (head_ >= spare_max && head_ * 2 >= items_.size())
            close_gap();
    }
    void insert(const T* before, T one) {
        const auto at = before - items_.data();
        items_.insert(items_.begin() + at, std::move(one));
    }
    void erase(const T* at) {
        if (at == begin()) return pop_front();
        items_.erase(items_.begin() + (at - items_.data()));
    }
    /// Keeps a little memory for the next round, gives a lot of it back.
    void clear() noexcept {
        head_ = 0;
        if (items_.capacity() > spare_max)
            std::vector<T>().swap(items_);
        else
            items_.clear();
    }
    /// Gives back what is not needed now.
    void shrink() noexcept {
        if (empty()) std::vector<T>().swap(items_), head_ = 0;
    }

  private:
    static constexpr std::size_t spare_max = 1'024;

    /// Moves the elements to the front: each is moved at most once per its removal, so a pop stays constant on average.
    void close_gap() noexcept {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }

    std::vector<T> items_;
    std::size_t head_ = 0;
};

} // namespace messaging::topic
