// One segment file: names, header block, how it begins and how it ends (FORMAT.md, "Segment"). No state of its own.
#pragma once

#include "messaging/store/entry.hpp"
#include "messaging/store/file.hpp"

#include <array>
#include <optional>

namespace messaging::store {

inline constexpr std::uint32_t segment_data_begin = 4096;

struct segment_header {
    std::uint32_t segment = 0;
    std::uint64_t generation = 0;
    std::uint64_t first_commit = 0;
    std::uint32_t previous_segment = 0;
    std::uint32_t previous_end = 0;
    std::uint64_t incarnation = 0;
    std::uint32_t segment_bytes = 0;
    bool begun = true; ///< false: only prepared; where it goes on from is not known and nothing in it counts

    /// Last commit of the segments before; 0 when not known.
    std::uint64_t commit_before() const noexcept { return first_commit == 0 ? 0 : first_commit - 1; }
};

using header_block = std::array<std::byte, segment_data_begin>;

std::string segment_name(std::uint32_t segment);
std::string spare_name(std::uint32_t segment);
/// Number of `NNNNNNNNNN<suffix>`; empty for any other name.
std::optional<std::uint32_t> segment_of(const std::string& name, std::string_view suffix);

/// All of the block; without its begin record when the segment is not begun.
header_block encode_header(const segment_header& header);
/// Takes the first good copy of each part. Errors: errc::damaged, errc::newer_format.
core::result<segment_header> decode_header(core::byte_span block);

/// A segment that is there in name and on the disk, and not begun.
struct prepared_segment {
    std::unique_ptr<file> opened;
    segment_header header;
};

/// Makes segment `header.segment` from the spare of that number, or from a new file when it is 0. Blocks for several
/// syncs. Errors: the system's, or errc::sync_failed when a sync failed; then no segment of that number exists, unless
/// it was the directory that could not be synced.
core::result<prepared_segment> prepare_segment(file_system& files, segment_header header, std::uint32_t spare);
/// Says where it goes on from; with the first sync that follows the segment counts. Everything in the segments before
/// is synced.
core::error_code begin_segment(prepared_segment& segment, std::uint64_t first_commit, std::uint32_t previous_segment,
                               std::uint32_t previous_end);
/// Both at once, from the last of `spares` (then taken off) or from a new file; `content` is what its first entries
/// are, durable together with the header. Errors as of prepare_segment().
core::result<std::unique_ptr<file>> create_segment(file_system& files, const segment_header& header,
                                                   std::vector<std::uint32_t>& spares, core::byte_span content);
/// A store entry without body, for its place.
std::array<std::byte, entry_header_bytes> make_mark(entry_type type, std::uint64_t generation, std::uint32_t offset,
                                                    std::uint64_t commit);
/// Writes one; not synced.
core::error_code write_mark(file& segment, entry_type type, std::uint64_t generation, std::uint32_t offset,
                            std::uint64_t commit);

} // namespace messaging::store
