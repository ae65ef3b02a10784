// The commit thread: takes what the loop handed over, writes each batch with one write, syncs once, rolls segments
// and recycles files; snapshots, syncs that nobody waits for, ends of segments and the preparation of the next one go
// to a thread behind it. The loop and the thread share two vectors under one mutex; everything else here belongs to the
// thread.
#pragma once

#include "messaging/store/recovery.hpp"
#include "messaging/store/segment_seal.hpp"
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
    segment_header next_header();
    std::uint32_t take_spare();
    void leave_segment();
    core::error_code sync_log();
    void accept_snapshot(commit_job job);
    void step_side_work();
    void take_side_work(core::error_code error);
    bool sync_due() const;
    void begin_sync();
    void mark_sync_begun();
    void sync_done(core::error_code error);
    void report_sync_failure(core::error_code error);
    void begin_snapshot();
    void snapshot_done(core::error_code error);
    bool prepare_due() const;
    void begin_prepare();
    void prepare_done(core::error_code error);
    bool fill_due() const;
    void begin_fill();
    void fill_done(core::error_code error);
    void begin_seal();
    void seal_done(core::error_code error);
    void forget_old_snapshots(std::uint64_t newest);
    void refuse_snapshots();
    void finish_side_work();
    core::error_code recycle(std::uint32_t segment);
    void recycle_synced();
    bool all_synced() const noexcept { return !dirty_ && !sync_under_way_; }
    void end_cleanly();
    core::error_code fail(core::error_code error);
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
    bool left_ = false;    ///< the next segment may say already where this one ends
    bool may_roll_ = true; ///< the last batch said so
    bool ending_ = false;
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
    std::optional<std::uint64_t> sync_under_way_;  ///< proves all commits up to it
    std::optional<prepared_segment> prepared_;     ///< the next segment
    std::optional<prepared_segment> preparing_;    ///< belongs to the side work while that is under way
    std::uint32_t filled_to_ = segment_data_begin; ///< of prepared_: its blocks up to there are written
    clock::time_point place_begun_at_ = clock::now();
    bool cannot_prepare_ = false; ///< until the next roll, or a spare more
    struct sealing {
        std::uint32_t segment;
        segment_seal seal;
        bool failed_once = false;
    };
    std::deque<sealing> seals_; ///< the first belongs to the side work while that is under way
    enum class side { none, sync, snapshot, prepare, fill, seal };
    side under_way_ = side::none;
    side_work side_;

    std::thread thread_; // last: starts when all the rest is there
};

} // namespace messaging::store
