// The commit log: everything durable of messaging in one order (design §7, FORMAT.md). The owner appends entries on the
// loop; a commit thread writes each batch with one write and one sync, then hands it back through `post`. All calls and
// all callbacks happen on the loop; nothing here blocks it except open() and close().
#pragma once

#include "messaging/store/batch.hpp"
#include "messaging/store/entry.hpp"
#include "messaging/store/errc.hpp"
#include "messaging/store/file.hpp"
#include "messaging/store/footer.hpp"

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace messaging::store {

/// Runs a function on the loop soon; called from the commit and read threads, so it must be thread-safe
/// (`[&](auto f) { asio::post(io, std::move(f)); }`). Functions that arrive after the log is gone do nothing.
using post_function = std::function<void(std::function<void()>)>;

enum class durability {
    fsync, ///< complete a batch when the disk confirmed it
    os     ///< complete it after the write; sync once per sync_interval (survives a killed process, not a power cut)
};

/// With disk_bytes_max: so many segments are left to acknowledgements, deletions and copies when messages are refused.
inline constexpr std::uint32_t reserve_segments = 4;

struct log_options {
    durability mode = durability::fsync;
    std::uint32_t segment_bytes = 64u << 20;       ///< 64 KiB to 1 GiB
    std::uint32_t batch_bytes_max = 16u << 20;     ///< cut to a quarter of the segment
    std::size_t cache_bytes_max = 64u << 20;       ///< newest batches kept in RAM
    std::uint32_t spare_segments_max = 4;          ///< free files kept for reuse; more are deleted
    std::uint32_t spare_reserve = 0;               ///< of these, only for batches without new messages
    std::uint64_t disk_bytes_max = 0;              ///< of segments and spares; 0 = no bound, else 8 segments at least
    std::chrono::milliseconds sync_interval{1000}; ///< durability::os only
    /// False: no commit overtakes what was begun beside the commits, and nothing depends on time (one order for tests).
    bool side_thread = true;
    /// Source of generations and of the incarnation; empty = the system's random numbers. Tests own it.
    std::function<std::uint64_t()> random;
};

/// What recovery found; also logged in one line.
struct recovery_report {
    std::uint64_t segments = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t footers = 0;         ///< segments known by their footer alone
    std::uint64_t footers_missing = 0; ///< segments read whole because their footer is missing or damaged
    std::uint64_t entries = 0;
    std::uint64_t commits = 0;
    std::uint64_t snapshot_commit = 0;      ///< 0 = none
    bool older_snapshot_used = false;       ///< the newest one was damaged and set aside
    std::uint64_t tail_bytes_cut = 0;       ///< of a last commit that was never acknowledged
    std::uint64_t commits_rewritten = 0;    ///< unproven ones, copied to a fresh segment and synced
    std::uint64_t damaged_places = 0;       ///< corruption: bytes that had been synced and are wrong now
    std::uint64_t damaged_bytes = 0;        ///< skipped there
    std::vector<std::string> damaged_files; ///< copies in `damaged/`
};

/// Receives the whole log during open(), in order: the snapshot first, then every entry of every segment.
class recovery_handler {
  public:
    virtual ~recovery_handler() = default;
    /// The newest valid snapshot; not called when there is none. The view ends with the call.
    virtual void on_snapshot(core::byte_span bytes, std::uint64_t commit) = 0;
    /// `covered_by_snapshot`: its commit is not newer than the snapshot, so metadata is in there already; messages come
    /// all the same, because the index is made of them. Every entry with the live flag counts as live until the owner
    /// calls retire() for it after open() returned. Store entries (commit, sync mark, end) are not shown.
    virtual void on_entry(const entry_view& entry, location where, bool covered_by_snapshot) = 0;
    /// A message of a sealed segment that the snapshot covers, known by its footer: its bytes were not read. Counts as
    /// live as above.
    virtual void on_indexed(const indexed_entry& entry, location where) = 0;
    /// After each segment.
    virtual void on_progress(std::uint64_t bytes_done, std::uint64_t bytes_total) {
        (void)bytes_done;
        (void)bytes_total;
    }
};

/// One batch came back from the commit thread. On error nothing of it is in the log and `base` is {0, 0}; commits come
/// back strictly in order, refused ones included.
struct committed_batch {
    std::uint64_t commit = 0;
    core::error_code error;
    location base;
    std::shared_ptr<const batch> bytes; ///< set on error too: the owner can see what was refused
    std::chrono::nanoseconds write_time{};
    std::chrono::nanoseconds sync_time{}; ///< zero when this batch was not synced by itself
};

class commit_listener {
  public:
    virtual ~commit_listener() = default;
    /// May append and flush. What was gathered meanwhile is handed over right after it returned.
    virtual void on_committed(const committed_batch& done) = 0;
    /// A new segment was begun: a good moment for write_snapshot(). Called before on_committed of its first batch.
    virtual void on_rolled(std::uint32_t segment) { (void)segment; }
    /// A snapshot is durable (or not, then the older ones stay valid and nothing was recycled).
    virtual void on_snapshot_written(core::error_code error, std::uint64_t commit) {
        (void)error;
        (void)commit;
    }
};

struct read_request {
    location where;
    std::uint32_t bytes = 0; ///< whole entry: entry_bytes(body size)
};

struct fetched_entry {
    location where;
    core::error_code error; ///< errc::damaged, errc::not_found, or the system's
    entry_view entry;       ///< valid without error; body lives as long as the fetched object
};

struct fetched {
    std::vector<fetched_entry> entries; ///< one per request, in the order asked
    std::string data;                   ///< what the views point into
};

/// The messages of one sealed segment, live or not, in log order.
struct segment_index {
    std::uint32_t segment = 0;
    core::error_code error; ///< then there are none
    std::vector<indexed_entry> entries;
};
using index_callback = std::function<void(std::shared_ptr<const segment_index>)>;

using fetch_callback = std::function<void(std::shared_ptr<const fetched>)>;

struct log_stats {
    std::uint64_t commits = 0;         ///< completed without error
    std::uint64_t commits_refused = 0; ///< completed with an error
    std::uint64_t syncs = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t segments = 0;
    std::uint64_t spare_segments = 0;
    std::uint64_t disk_bytes = 0; ///< segments and spares
    std::uint64_t live_messages = 0;
    std::uint64_t live_bytes = 0;
    std::uint64_t cache_bytes = 0;
    std::uint64_t queued_bytes = 0; ///< gathered or with the commit thread
};

class commit_log {
  public:
    /// Blocks: takes the lock, recovers, begins a fresh segment, starts the threads. `files` and both handlers outlive
    /// the log. Errors: errc::locked, newer_format, bad_options, or the system's. No listener call happens inside.
    static core::result<std::unique_ptr<commit_log>> open(log_options options, file_system& files, post_function post,
                                                          recovery_handler& handler, commit_listener& listener);
    /// Without close(): ends the threads after what they are doing; what was not handed over is lost, no callbacks.
    ~commit_log();
    commit_log(const commit_log&) = delete;
    commit_log& operator=(const commit_log&) = delete;

    /// Adds an entry to the batch being gathered and returns its offset inside that batch. A batch that would grow over
    /// its bound is handed over first, so read gathering() after the call, not before. The live flag is set for
    /// messages. Precondition: the entry is not larger than entry_bytes_max().
    std::uint32_t append(entry_type type, std::uint32_t topic, std::uint64_t position, std::int64_t time_ms,
                         std::initializer_list<core::byte_span> body, std::uint8_t flags = 0);
    /// Entries of that many bytes in all (entry_bytes each) will land in one commit, all or nothing: hands the batch
    /// over now when they would not fit behind what is gathered. Precondition: at most entry_bytes_max().
    void keep_together(std::size_t bytes);
    /// Largest entry, header included.
    std::uint32_t entry_bytes_max() const noexcept;
    /// Commit number of the batch that the last append() went to (or that the next one will begin).
    std::uint64_t gathering() const noexcept;
    std::size_t gathered_bytes() const noexcept;
    /// disk_bytes_max less the reserve is used up: the owner appends no new messages until copies and recycling have
    /// made room. What it appends all the same is refused with ENOSPC only where the reserve ends too.
    bool reserve_reached() const noexcept;
    /// Hands the batch over when the commit thread is idle; otherwise it goes by itself when the thread gets free.
    void flush();

    /// The batch holding that place when it is still in RAM, else null. Never touches the disk.
    std::shared_ptr<const batch> cached(location where) const;
    /// Reads committed entries on the read thread; ask in log order, neighbours are read together. The callback runs on
    /// the loop. Requests are served in the order given.
    void fetch(std::vector<read_request> requests, fetch_callback callback);
    /// The message there is no longer needed; `bytes` as for read_request. Each message exactly once.
    void retire(location where, std::uint32_t bytes);

    /// Copy-forward: a sealed segment whose few live messages the owner should append again (entry_flag::copy, same
    /// topic, position and time) and then retire at the old place, so that its file can be used again. 0 = none.
    std::uint32_t sparse_segment() const noexcept;
    /// What lies in that segment, read on the read thread. The callback runs on the loop.
    void read_index(std::uint32_t segment, index_callback callback);
    /// Does not name that segment again as sparse: what is live there cannot be read.
    void keep_segment(std::uint32_t segment) noexcept;

    /// The owner's metadata after everything appended so far. The batch being gathered is handed over first and the
    /// snapshot is written behind it; it is dropped (errc::snapshot_stale) when one of those batches is refused.
    /// Afterwards segments that end before it and hold no live message are recycled.
    void write_snapshot(std::string bytes);

    /// Flushes, waits for all batches, delivers their callbacks, ends the segment cleanly and joins the threads.
    /// Blocks.
    void close();

    /// Why the log is read-only; empty while it is not.
    const std::string& failed() const noexcept;
    /// Random, new at every open.
    std::uint64_t incarnation() const noexcept;
    const recovery_report& report() const noexcept;
    log_stats stats() const;

    struct state;
    explicit commit_log(std::unique_ptr<state> opened);

  private:
    std::unique_ptr<state> state_;
};

} // namespace messaging::store
