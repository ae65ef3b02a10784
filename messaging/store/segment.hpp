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
};

using header_block = std::array<std::byte, segment_data_begin>;

std::string segment_name(std::uint32_t segment);
std::string spare_name(std::uint32_t segment);
/// Number of `NNNNNNNNNN<suffix>`; empty for any other name.
std::optional<std::uint32_t> segment_of(const std::string& name, std::string_view suffix);

header_block encode_header(const segment_header& header);
/// Takes the first good copy. Errors: errc::damaged, errc::newer_format.
core::result<segment_header> decode_header(core::byte_span block);

/// Makes a segment ready for entries, from the last of `spares` (then taken off) or from a new file; `content` is what
/// its first entries are, durable together with the header. Blocks for several syncs. Errors: the system's, or
/// errc::sync_failed when a sync failed. On error no segment of that number exists, unless it was the directory that
/// could not be synced.
core::result<std::unique_ptr<file>> begin_segment(file_system& files, const segment_header& header,
                                                  std::vector<std::uint32_t>& spares, core::byte_span content = {});
/// Writes the footer (may be empty) and the end entry behind it, and syncs. Everything before must be synced already.
/// Errors as above.
core::error_code end_segment(file& segment, std::uint64_t generation, std::uint32_t offset, std::uint64_t last_commit,
                             std::string footer);
/// A store entry without body at its place; not synced.
core::error_code write_mark(file& segment, entry_type type, std::uint64_t generation, std::uint32_t offset,
                            std::uint64_t commit);

} // namespace messaging::store
