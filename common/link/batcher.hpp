// The sending half of a link, sans I/O: two queues of encoded frames, cut into batches (FORMAT.md §1). The owner
// appends frames, then writes what `take` returns, one batch at a time; what gathers meanwhile becomes the next batch.
#pragma once

#include "common/link/frame.hpp"

#include <cstddef>
#include <deque>
#include <string>

namespace msg_link {

class batcher {
  public:
    /// Append whole control frames here.
    std::string& control() noexcept { return control_; }
    /// Append exactly one data frame of about `frame_bytes` here, before the next call.
    std::string& data(std::size_t frame_bytes);

    bool empty() const noexcept { return control_.empty() && data_.empty(); }
    std::size_t queued_bytes() const noexcept {
        return control_.size() + closed_bytes_ + (data_.empty() ? 0 : data_.back().size());
    }
    /// Replaces `batch` by the next batch: control first, then data; false when nothing waits. The old content's
    /// memory is used again.
    bool take(std::string& batch);
    void clear();

  private:
    std::string control_;
    std::deque<std::string> data_;
    std::size_t closed_bytes_ = 0; ///< of all chunks but the last
    std::string spare_;
};

} // namespace msg_link
