// A store's directory read by the offline tools while no process uses it. Nothing in here writes: not even a lock file
// is made. Blocks; used by command lines only.
#pragma once

#include "messaging/store/file.hpp"
#include "messaging/store/scan.hpp"
#include "messaging/store/segment.hpp"

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace messaging::tools {

/// Exit codes of all offline tools.
inline constexpr int ok = 0, found_damage = 1, cannot = 2;

struct offline_segment {
    std::uint32_t number = 0;
    bool readable = false; ///< a good header that states this number
    store::segment_header header;
    std::uint64_t file_bytes = 0;
};

/// Content of one segment, valid during the call.
struct segment_content {
    const offline_segment& of;
    core::byte_span bytes;
    const store::scan_result& scan;
    bool last = false;
    /// The store's file, for what is not in `bytes`.
    store::file& file;
};

class offline_store {
  public:
    /// Errors: errc::locked while a process has it, errc::newer_format, errc::not_found when there is neither a segment
    /// nor a snapshot in it, or the system's.
    static core::result<offline_store> open(const std::string& directory);
    offline_store(offline_store&& other) noexcept;
    offline_store& operator=(offline_store&&) = delete;
    ~offline_store();

    const std::vector<offline_segment>& segments() const noexcept { return segments_; }
    const std::vector<std::uint64_t>& snapshots() const noexcept { return snapshots_; } ///< commits, ascending
    store::file_system& files() noexcept { return *files_; }
    /// Reads all readable segments in order, one in memory at a time. `progress` after each, with bytes done and in
    /// all.
    core::error_code each_segment(const std::function<void(const segment_content&)>& use,
                                  const std::function<void(std::uint64_t, std::uint64_t)>& progress);

  private:
    offline_store() = default;
    core::error_code look_around();

    int lock_ = -1;
    std::unique_ptr<store::file_system> files_;
    std::vector<offline_segment> segments_;
    std::vector<std::uint64_t> snapshots_;
};

/// A line on standard error that is written over, when that is a terminal; else nothing.
class progress_line {
  public:
    progress_line();
    ~progress_line();
    void operator()(std::uint64_t done, std::uint64_t total);

  private:
    bool terminal_;
    int shown_ = -1;
};

/// Checks every header, entry, footer and snapshot; one line for each mistake, then a summary.
int verify(const std::string& directory, std::ostream& out, std::ostream& complaints);
/// One line for each entry of the log, of one topic when `topic` is not empty (`tenant/namespace/name`), as JSON when
/// asked.
int dump(const std::string& directory, const std::string& topic, bool json, std::ostream& out,
         std::ostream& complaints);

/// The command line from its first word, `verify` or `dump`, on. Returns the exit code.
int run_command(const std::vector<std::string>& words);

} // namespace messaging::tools
