// The commit thread: takes what the loop handed over, writes each batch with one write, syncs once, rolls segments
// and recycles files; snapshots, and syncs that nobody waits for, go to a thread behind it. The loop and the thread
// share two vectors under one mutex; everything else here belongs to the thread.
#pragma once

#include "messaging/store/recovery.hpp"
#include "messaging/store/side_work.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace messaging::store {

struct commit_job {
    enum class kind { batch, snapshot, recycle, sync, end };
    kind what = kind::batch;
    std::shared_ptr<batch> bytes;        ///< batch
    std::string snapshot;                ///< snapshot
    std::uint64_t commit = 0;            ///< snapshot: covers commits up to this one
    std::uint64_t none_failed_since = 0; ///< snapshot, batch: it stands on all commits after this one
    bool may_roll = true;                ///< batch: a further segment is within the bound
    std::uint32_t segment = 0;           ///< recycle
};

struct commit_outcome {
    commit_job job;
    core::error_code error;
    location base;
    std::uint64_t generation = 0; ///< of base's segment
    location previous_end;        ///< where the content of the segment before ends
    std::uint64_t file_bytes = 0;
    std::uint64_t spares = 0;
    std::uint64_t syncs = 0; ///< since the outcome before
    std::chrono::nanoseconds write_time{};
    std::chrono::nanoseconds sync_time{};
};

class commit_queue {
  public:
    /// `wake` is called on the thread when outcomes wait; at most once until take_outcomes().
    commit_queue(file_system& files, const log_options& options, std::uint64_t incarnation, recovered& from,
                 std::function<void()> wake);
    /// Ends the thread after the job it is doing.
    ~commit_queue();

    void push(commit_job job);
    /// Swaps in what was done, in order. `into` is empty.
    void take_outcomes(std::vector<commit_outcome>& into);
    /// Blocks until there is an outcome.
    void wait_for_outcomes();
    /// Does all jobs pushed so far, ends the segment cleanly and joins.
    void finish();

  private:
    using clock = std::chrono::steady_clock;

    void run();
    bool wait_for_jobs(std::vector<commit_job>& jobs);
    void perform(commit_job job);
    void report(commit_outcome outcome);
    core::error_code commit(commit_outcome& outcome);
    core::error_code write(commit_outcome& outcome);
    core::error_code roll(const batch& wanted);
    core::error_code sync_log();
    void accept_snapshot(commit_job job);
    void step_side_work();
    void take_side_work(core::error_code error);
    void begin_snapshot();
    void begin_sync();
    bool sync_due() const;
    void forget_old_snapshots(std::uint64_t newest);
    void refuse_snapshots();
    void finish_side_work();
    core::error_code recycle(std::uint32_t segment);
    void recycle_synced();
    bool all_synced() const noexcept { return !dirty_ && !sync_under_way_; }
    void end_cleanly();
    core::error_code fail(core::error_code error);
    core::error_code end_active();
    bool fits(std::size_t bytes, std::size_t messages) const noexcept;

    file_system& files_;
    const log_options& options_;
    const std::uint64_t incarnation_;
    std::function<void()> wake_;

    std::mutex mutex_;
    std::condition_variable jobs_waiting_;
    std::condition_variable outcomes_waiting_;
    std::vector<commit_job> jobs_;         // under mutex_
    std::vector<commit_outcome> outcomes_; // under mutex_
    bool stop_ = false;                    // under mutex_

    write_place place_;
    std::vector<std::uint32_t> spares_;
    std::vector<std::uint64_t> snapshots_;
    std::uint64_t written_commit_ = 0; ///< last one written
    std::uint64_t refused_commit_ = 0; ///< last one refused
    core::error_code refused_why_;
    bool ended_ = false; ///< the segment has its end entry, the next one is still to begin
    bool dirty_ = false; ///< written since the last sync began
    std::uint64_t dirty_bytes_ = 0;
    bool read_only_ = false;
    std::uint64_t syncs_ = 0;
    clock::time_point sync_at_{};
    struct waiting_recycle {
        commit_job job;
        std::uint64_t after; ///< until commits up to this one are synced
    };
    std::deque<waiting_recycle> recycles_waiting_;
    std::deque<commit_job> snapshots_waiting_;
    std::optional<commit_job> snapshot_under_way_;
    std::optional<std::uint64_t> sync_under_way_; ///< proves all commits up to it
    side_work side_;

    std::thread thread_; // last: starts when all the rest is there
};

} // namespace messaging::store
