// A batch: the bytes of one commit, gathered on the loop, written by the commit thread, then immutable and shared.
// Belongs to the loop except between hand-over and completion, when only the commit thread touches it.
#pragma once

#include "messaging/store/entry.hpp"

#include <cstdlib>
#include <initializer_list>
#include <memory>

namespace messaging::store {

class batch {
  public:
    batch() = default;
    batch(const batch&) = delete;
    batch& operator=(const batch&) = delete;

    std::uint64_t commit() const noexcept { return commit_; }
    /// Where the batch lies in the log; {0, 0} until committed. Entry location = base, offset plus offset in the batch.
    location base() const noexcept { return base_; }
    location at(std::uint32_t offset_in_batch) const noexcept {
        return {base_.segment, base_.offset + offset_in_batch};
    }
    core::byte_span bytes() const noexcept { return {data_.get(), size_}; }
    std::uint32_t size() const noexcept { return size_; }
    std::uint32_t entry_count() const noexcept { return entry_count_; }
    std::uint32_t live_count() const noexcept { return live_count_; }
    /// Messages that are no copies: what a full disk refuses first.
    std::uint32_t new_count() const noexcept { return new_count_; }
    std::uint64_t live_bytes() const noexcept { return live_bytes_; }

    /// The entry that append() returned this offset for; views live as long as the batch.
    entry_view entry(std::uint32_t offset_in_batch) const noexcept { return view_entry(data_.get() + offset_in_batch); }
    core::byte_span body(std::uint32_t offset_in_batch) const noexcept { return entry(offset_in_batch).body; }
    /// The same by place in the log. Precondition: `where` lies in this batch.
    entry_view entry(location where) const noexcept { return entry(where.offset - base_.offset); }

  private:
    friend class commit_log;
    friend class commit_queue;
    friend class batch_cache;

    struct release {
        void operator()(std::byte* bytes) const noexcept { std::free(bytes); }
    };

    void begin(std::uint64_t commit) noexcept;
    std::uint32_t append(const entry_view& header, std::initializer_list<core::byte_span> body, std::size_t body_bytes);
    void reserve(std::size_t bytes);
    /// Gives back memory that a smaller batch does not need.
    void shrink();
    /// Commit thread: fills the commit entry and all checksums for the place the batch is written to.
    void seal(std::uint64_t generation, location base, std::uint64_t synced) noexcept;
    bool empty() const noexcept { return entry_count_ == 0; }

    std::unique_ptr<std::byte, release> data_;
    std::size_t capacity_ = 0;
    std::uint32_t size_ = 0;
    std::uint32_t entry_count_ = 0;
    std::uint32_t live_count_ = 0;
    std::uint32_t new_count_ = 0;
    std::uint64_t live_bytes_ = 0;
    std::uint64_t commit_ = 0;
    location base_;
};

} // namespace messaging::store
