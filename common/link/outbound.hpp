// The client's sequenced frames between "appended" and "settled", sans I/O: what a reconnect must send again, and what
// was never sent yet (FORMAT.md §2, §5). Chunks of whole frames; the ones in front may have been written already.
#pragma once

#include "common/link/frame.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace msg_link {

class outbound {
  public:
    /// Sequence that the next appended frame gets.
    std::uint64_t next_sequence() const noexcept { return next_; }
    /// Of the lowest frame that is not settled.
    std::uint64_t first_unsettled() const noexcept { return settled_ + 1; }
    std::uint64_t frames() const noexcept { return next_ - 1 - settled_; }
    std::size_t bytes() const noexcept { return bytes_; }

    /// Where to append exactly one whole frame of about `frame_bytes`; then call `appended`.
    std::string& room(std::size_t frame_bytes);
    /// Returns the frame's sequence.
    std::uint64_t appended(std::size_t frame_bytes) noexcept;

    bool has_unwritten() const noexcept { return written_ < chunks_.size(); }
    /// The next chunk to write; it counts as written and stays, unchanged, until it is settled and `written_done`.
    const std::string& take();
    /// The write of the taken chunk ended (well or badly).
    void written_done() noexcept;

    void settle(std::uint64_t up_to);
    /// After a reconnect: everything behind `settled` is to be written again.
    void rewind(std::uint64_t settled);

  private:
    struct chunk {
        std::string bytes;
        std::uint64_t last = 0; ///< sequence of its last frame
        std::uint32_t frames = 0;
    };
    void drop_settled();

    std::deque<chunk> chunks_;
    std::size_t written_ = 0; ///< chunks in front that were taken
    bool writing_ = false;
    std::uint64_t next_ = 1;
    std::uint64_t settled_ = 0;
    std::size_t bytes_ = 0;
    std::string spare_;
};

} // namespace msg_link
