// Reads one segment's bytes at recovery: finds the complete commits, tells a torn tail from corruption and
// resynchronises (FORMAT.md, "Reading the log"). Pure: bytes in, places out; never trusts a byte that no checksum
// covers.
#pragma once

#include "messaging/store/entry.hpp"

#include <vector>

namespace messaging::store {

struct scan_request {
    core::byte_span bytes; ///< the whole file
    std::uint64_t generation = 0;
    std::optional<std::uint32_t> known_end; ///< the successor's word
    bool has_successor = false;             ///< then all of it was synced
    std::uint64_t last_commit = 0;          ///< last good commit of the segments before
    /// No commit of this segment has a greater number, as the next segment says; 0: not known. One that holds it and
    /// has no end misses nothing: its end was never written, and who knew it was recycled.
    std::uint64_t commits_up_to = 0;
};

struct scanned_commit {
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint64_t commit = 0;
};

struct damaged_range {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
};

struct scan_result {
    std::vector<std::uint32_t> entries; ///< offsets of the owner's entries, ascending
    std::vector<scanned_commit> commits;
    std::vector<damaged_range> damage; ///< corruption, not the torn tail
    std::uint32_t end = 0;             ///< where the content ends
    bool ended = false;                ///< an end entry stands there, or behind a footer there
    std::uint32_t cut_bytes = 0;       ///< of a torn batch whose commit entry was readable
    std::uint64_t last_commit = 0;
    std::uint64_t synced = 0; ///< greatest commit that something valid calls synced
};

scan_result scan_segment(const scan_request& request);

} // namespace messaging::store
