// What the loop knows of each segment: generation, live messages, and whether it may be recycled. Loop only.
#pragma once

#include "messaging/store/recovery.hpp"

namespace messaging::store {

class segment_table {
  public:
    explicit segment_table(std::vector<segment_info> segments) : segments_(std::move(segments)) {
        for (const segment_info& info : segments_) {
            live_count_ += info.live_count;
            live_bytes_ += info.live_bytes;
            disk_bytes_ += info.file_bytes;
        }
    }

    /// Null when there is none of that number.
    segment_info* find(std::uint32_t segment) noexcept;
    /// Numbers grow.
    void begin(const segment_info& info);
    void add_live(segment_info& info, std::uint64_t count, std::uint64_t bytes) noexcept;
    /// Returns the segment when this was the last live message of it, else null.
    segment_info* retire(location where, std::uint32_t bytes) noexcept;
    /// Takes out those that ended, hold nothing live and have no commit after `snapshot_commit`.
    std::vector<std::uint32_t> take_recyclable(std::uint64_t snapshot_commit);

    /// The sealed segment with the fewest live bytes when copying them forward pays: all live bytes are less than a
    /// quarter of the disk used, or, `pressed`, it is less than three quarters full. Null when none does.
    segment_info* sparsest(std::uint64_t snapshot_commit, bool pressed) noexcept;

    std::uint32_t newest() const noexcept { return segments_.back().segment; }
    std::size_t size() const noexcept { return segments_.size(); }
    std::uint64_t live_count() const noexcept { return live_count_; }
    std::uint64_t live_bytes() const noexcept { return live_bytes_; }
    std::uint64_t disk_bytes() const noexcept { return disk_bytes_; }

  private:
    std::vector<segment_info> segments_; ///< ascending, never empty
    std::uint64_t live_count_ = 0;
    std::uint64_t live_bytes_ = 0;
    std::uint64_t disk_bytes_ = 0;
};

} // namespace messaging::store
