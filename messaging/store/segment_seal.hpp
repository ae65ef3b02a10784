// The end of a segment that was left for the next one: its footer and its end entry, written and synced in pieces
// beside the commits, because a footer has megabytes. Nothing depends on it: the next segment says where the content
// ends.
#pragma once

#include "messaging/store/footer.hpp"

#include <memory>
#include <optional>

namespace messaging::store {

/// Used by one thread at a time.
class segment_seal {
  public:
    /// The content ends at `offset`; all of it is synced. Without a footer, or with one that is not complete, only the
    /// end entry is written.
    segment_seal(std::unique_ptr<file> opened, std::uint64_t generation, std::uint32_t offset,
                 std::uint64_t last_commit, std::optional<footer_draft> footer);

    /// Writes and syncs the next piece. Blocks. Errors: the system's, errc::sync_failed; then it is not gone on with.
    core::error_code step();
    bool done() const noexcept { return done_; }
    /// After an error: begins anew with the end entry alone.
    void without_footer() noexcept;
    /// All that is left.
    core::error_code finish();

  private:
    std::string next_piece();

    std::unique_ptr<file> opened_;
    std::uint64_t generation_;
    const std::uint32_t content_end_;
    std::uint32_t offset_; ///< of the next piece
    std::uint64_t last_commit_;
    std::optional<footer_draft> footer_;
    std::size_t blocks_done_ = 0;
    bool begun_ = false;
    bool done_ = false;
};

} // namespace messaging::store
