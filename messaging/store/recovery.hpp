// Opening a store: snapshot, all segments in order, torn tail, damage, rewriting of the last unproven commits, and the
// fresh segment that every opening begins (FORMAT.md, "Reading the log"). Runs before the threads start.
#pragma once

#include "messaging/store/commit_log.hpp"
#include "messaging/store/footer.hpp"
#include "messaging/store/segment.hpp"

namespace messaging::store {

/// What the loop knows of a segment.
struct segment_info {
    std::uint32_t segment = 0;
    std::uint64_t generation = 0;
    std::uint64_t last_commit = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t live_count = 0;
    std::uint64_t live_bytes = 0;
    std::uint32_t content_end = 0; ///< where a footer would stand; 0 while the segment is written, or not known
    bool keep = false;             ///< its messages cannot be copied forward: unreadable
};

/// Where the commit thread goes on.
struct write_place {
    std::unique_ptr<file> opened;
    segment_header header;
    std::uint32_t offset = segment_data_begin;
    std::uint64_t synced = 0;
    footer_draft footer; ///< of what is in the segment already
};

struct recovered {
    recovery_report report;
    std::vector<segment_info> segments; ///< ascending; the last one is the fresh one
    std::vector<std::uint32_t> spares;
    std::vector<std::uint64_t> snapshots; ///< commits, ascending
    write_place active;
    std::uint64_t next_commit = 1;
};

/// Errors: errc::newer_format, the system's, errc::sync_failed.
core::result<recovered> recover(file_system& files, const log_options& options, std::uint64_t incarnation,
                                recovery_handler& handler);

} // namespace messaging::store
