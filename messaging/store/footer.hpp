// The footer of a sealed segment: where its messages lie, written before the end entry and never changed (FORMAT.md,
// "Footer"). With it reopening and copy-forward need not read the segment; without it the segment is read.
#pragma once

#include "messaging/store/entry.hpp"
#include "messaging/store/file.hpp"

#include <array>
#include <string>
#include <vector>

namespace messaging::store {

class batch;

/// A message by its place, without its bytes.
struct indexed_entry {
    std::uint64_t position = 0;
    std::int64_t time_ms = 0;
    std::uint32_t topic = 0;
    std::uint32_t offset = 0; ///< in the segment
    std::uint32_t bytes = 0;  ///< whole entry, as for read_request
};

/// What a segment's footer will say, gathered while the segment is written: in blocks that never move, for a segment of
/// small messages has megabytes of it.
class footer_draft {
  public:
    using header = std::array<std::byte, entry_header_bytes>;

    void add(const entry_view& entry, std::uint32_t offset);
    /// All entries of a batch that lies at `offset` of the segment.
    void add(const batch& written, std::uint32_t offset);
    void clear() noexcept;
    /// False when the segment holds what a footer cannot tell (live entries of the owner).
    bool complete() const noexcept { return complete_; }
    /// Bytes of the footer entry when `more` messages come to it.
    std::size_t bytes(std::size_t more = 0) const noexcept;
    /// Header of the sealed footer entry; the blocks are its body.
    header seal(std::uint64_t generation, std::uint32_t offset, std::uint64_t last_commit) const;
    const std::vector<std::string>& blocks() const noexcept { return blocks_; }

  private:
    std::vector<std::string> blocks_;
    std::size_t count_ = 0;
    bool complete_ = true;
};

/// The footer at `offset`, where the content of the segment ends. Errors: errc::not_found when there is none that is
/// whole, or the system's.
core::result<std::vector<indexed_entry>> read_footer(file& segment, std::uint64_t generation, std::uint32_t offset);
/// The same from the entries themselves, up to `content_end` (0: not known), the footer or the end entry. errc::damaged
/// when something else is met before it.
core::result<std::vector<indexed_entry>> walk_segment(file& segment, std::uint64_t generation,
                                                      std::uint32_t content_end);

} // namespace messaging::store
