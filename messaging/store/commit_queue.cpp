#include "messaging/store/commit_queue.hpp"

#include "common/core/log.hpp"
#include "messaging/store/snapshot.hpp"

#include <array>

namespace messaging::store {

namespace {
/// durability::os: written and not yet on its way to the disk. Bounds what a roll has to wait for.
constexpr std::uint64_t dirty_bytes_max = 4u << 20;
} // namespace

commit_queue::commit_queue(file_system& files, const log_options& options, std::uint64_t incarnation, recovered& from,
                           std::function<void()> wake)
    : files_(files), options_(options), incarnation_(incarnation), wake_(std::move(wake)),
      place_(std::move(from.active)), spares_(std::move(from.spares)), snapshots_(std::move(from.snapshots)),
      written_commit_(from.next_commit - 1), side_(options.side_thread,
                                                   [this] {
                                                       {
                                                           const std::lock_guard lock(mutex_);
                                                       } // or the thread may be between looking and waiting
                                                       jobs_waiting_.notify_one();
                                                   }),
      thread_([this] { run(); }) {}

commit_queue::~commit_queue() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        jobs_.clear();
    }
    jobs_waiting_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void commit_queue::push(commit_job job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    jobs_waiting_.notify_one();
}

void commit_queue::take_outcomes(std::vector<commit_outcome>& into) {
    const std::lock_guard lock(mutex_);
    into.swap(outcomes_);
}

void commit_queue::wait_for_outcomes() {
    std::unique_lock lock(mutex_);
    outcomes_waiting_.wait(lock, [this] { return !outcomes_.empty(); });
}

void commit_queue::finish() {
    commit_job last;
    last.what = commit_job::kind::end;
    push(std::move(last));
    thread_.join();
}

void commit_queue::run() {
    std::vector<commit_job> jobs;
    while (wait_for_jobs(jobs)) {
        for (commit_job& job : jobs) {
            if (job.what == commit_job::kind::end) {
                end_cleanly();
                return;
            }
            perform(std::move(job));
        }
        jobs.clear();
        step_side_work();
    }
}

/// False when the thread is to end.
bool commit_queue::wait_for_jobs(std::vector<commit_job>& jobs) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return stop_ || !jobs_.empty() || side_.has_result(); };
    if (dirty_ && !side_.busy())
        jobs_waiting_.wait_until(lock, sync_at_, something);
    else
        jobs_waiting_.wait(lock, something);
    jobs.swap(jobs_);
    return !stop_;
}

void commit_queue::perform(commit_job job) {
    if (job.what == commit_job::kind::snapshot) {
        accept_snapshot(std::move(job));
        return;
    }
    commit_outcome outcome;
    outcome.job = std::move(job);
    switch (outcome.job.what) {
    case commit_job::kind::batch: outcome.error = commit(outcome); break;
    case commit_job::kind::recycle:
        if (!all_synced() && !read_only_) {
            recycles_waiting_.push_back({std::move(outcome.job), written_commit_});
            return;
        }
        outcome.error = recycle(outcome.job.segment);
        break;
    case commit_job::kind::snapshot:
    case commit_job::kind::sync:
    case commit_job::kind::end: break;
    }
    report(std::move(outcome));
}

void commit_queue::report(commit_outcome outcome) {
    outcome.spares = spares_.size();
    outcome.syncs = syncs_;
    syncs_ = 0;
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        first = outcomes_.empty();
        outcomes_.push_back(std::move(outcome));
    }
    if (!first) return;
    outcomes_waiting_.notify_one();
    wake_();
}

/// With room for the footer and the end entry.
bool commit_queue::fits(std::size_t bytes, std::size_t messages) const noexcept {
    const std::size_t behind = place_.footer.bytes(messages) + entry_header_bytes;
    return place_.offset + bytes + behind <= place_.header.segment_bytes;
}

core::error_code commit_queue::fail(core::error_code error) {
    if (error == errc::sync_failed && !read_only_) {
        read_only_ = true;
        core::log::error("store sync failed; read-only until restarted", {{"segment", place_.header.segment}});
    }
    return error;
}

core::error_code commit_queue::commit(commit_outcome& outcome) {
    const std::uint64_t number = outcome.job.bytes->commit();
    core::error_code error;
    // What the owner appended before it heard of a refusal may need what was refused: that goes the same way.
    if (refused_commit_ > outcome.job.none_failed_since) error = refused_why_;
    if (read_only_) error = errc::read_only;
    const batch& bytes = *outcome.job.bytes;
    const std::size_t behind = footer_draft().bytes(bytes.live_count()) + entry_header_bytes;
    if (bytes.size() + behind > options_.segment_bytes - segment_data_begin) error = errc::too_large;
    if (!error && (ended_ || !fits(bytes.size(), bytes.live_count())))
        error = outcome.job.may_roll ? roll(bytes) : make_error_code(boost::system::errc::no_space_on_device);
    if (!error) error = write(outcome);
    if (error) {
        refused_commit_ = number;
        refused_why_ = error;
        return fail(error);
    }
    outcome.base = {place_.header.segment, place_.offset};
    outcome.generation = place_.header.generation;
    outcome.file_bytes = place_.header.segment_bytes;
    outcome.previous_end = {place_.header.previous_segment, place_.header.previous_end};
    place_.footer.add(*outcome.job.bytes, place_.offset);
    place_.offset += outcome.job.bytes->size();
    written_commit_ = number;
    return {};
}

core::error_code commit_queue::write(commit_outcome& outcome) {
    batch& bytes = *outcome.job.bytes;
    bytes.seal(place_.header.generation, {place_.header.segment, place_.offset}, place_.synced);
    const auto begun = clock::now();
    if (const auto error = place_.opened->write_at(place_.offset, bytes.bytes())) {
        // What got through must not look like a commit after a crash; when this fails too, the next write covers it.
        const std::array<std::byte, entry_header_bytes> zeros{};
        (void)place_.opened->write_at(place_.offset, zeros);
        return error;
    }
    const auto written = clock::now();
    outcome.write_time = written - begun;
    if (options_.mode == durability::os) {
        if (!dirty_) sync_at_ = written + options_.sync_interval;
        dirty_ = true;
        dirty_bytes_ += bytes.size();
        return {};
    }
    ++syncs_;
    if (place_.opened->sync()) return errc::sync_failed;
    outcome.sync_time = clock::now() - written;
    place_.synced = bytes.commit();
    return {};
}

core::error_code commit_queue::roll(const batch& wanted) {
    if (!ended_) {
        if (const auto error = sync_log()) return error;
        recycle_synced();
        if (const auto error = end_active()) return error;
        ended_ = true;
    }
    segment_header next;
    next.segment = place_.header.segment + 1;
    next.generation = options_.random();
    next.first_commit = written_commit_ + 1;
    next.previous_segment = place_.header.segment;
    next.previous_end = place_.offset;
    next.incarnation = incarnation_;
    next.segment_bytes = options_.segment_bytes;
    // The last spares are for what gives space back: on a full disk new messages do not get them.
    const bool reserved = wanted.new_count() > 0 && spares_.size() <= options_.spare_reserve;
    std::vector<std::uint32_t> none;
    auto begun = begin_segment(files_, next, reserved ? none : spares_);
    if (!begun) return begun.error();
    place_.opened = std::move(*begun);
    place_.header = next;
    place_.offset = segment_data_begin;
    place_.footer.clear();
    ended_ = false;
    return {};
}

core::error_code commit_queue::end_active() {
    const std::uint64_t generation = place_.header.generation;
    return end_segment(*place_.opened, generation, place_.offset, written_commit_,
                       place_.footer.encode(generation, place_.offset, written_commit_));
}

/// Makes everything written durable; does nothing when it is.
core::error_code commit_queue::sync_log() {
    if (sync_under_way_) take_side_work(*side_.wait());
    if (read_only_) return errc::sync_failed;
    if (!dirty_) return {};
    dirty_ = false;
    dirty_bytes_ = 0;
    ++syncs_;
    if (place_.opened->sync()) return fail(errc::sync_failed);
    place_.synced = written_commit_;
    return {};
}

void commit_queue::accept_snapshot(commit_job job) {
    commit_outcome outcome;
    if (read_only_) outcome.error = errc::read_only;
    if (refused_commit_ > job.none_failed_since) outcome.error = errc::snapshot_stale;
    if (!outcome.error) {
        snapshots_waiting_.push_back(std::move(job));
        step_side_work();
        return;
    }
    outcome.job = std::move(job);
    report(std::move(outcome));
}

/// Takes what is finished and begins what is due.
void commit_queue::step_side_work() {
    if (const auto done = side_.poll()) take_side_work(*done);
    recycle_synced();
    if (read_only_) refuse_snapshots();
    if (side_.busy() || read_only_) return;
    if (!snapshots_waiting_.empty())
        begin_snapshot();
    else if (sync_due())
        begin_sync();
}

bool commit_queue::sync_due() const { return dirty_ && (dirty_bytes_ >= dirty_bytes_max || clock::now() >= sync_at_); }

void commit_queue::begin_sync() {
    dirty_ = false;
    dirty_bytes_ = 0;
    ++syncs_;
    sync_under_way_ = written_commit_;
    side_.start(
        [log = place_.opened.get()] { return log->sync() ? make_error_code(errc::sync_failed) : core::error_code{}; });
}

/// Never ahead of the log, so that is synced first where it is not.
void commit_queue::begin_snapshot() {
    snapshot_under_way_ = std::move(snapshots_waiting_.front());
    snapshots_waiting_.pop_front();
    file* log = nullptr;
    if (dirty_) {
        log = place_.opened.get();
        dirty_ = false;
        dirty_bytes_ = 0;
        ++syncs_;
        sync_under_way_ = written_commit_;
    }
    side_.start([this, log]() -> core::error_code {
        if (log != nullptr && log->sync()) return errc::sync_failed;
        return save_snapshot(files_, snapshot_under_way_->commit, snapshot_under_way_->snapshot);
    });
}

void commit_queue::take_side_work(core::error_code error) {
    if (error == errc::sync_failed) {
        dirty_ = false; // nothing will be synced any more
        (void)fail(error);
    } else if (sync_under_way_) { // also when the snapshot behind it could not be written
        place_.synced = *sync_under_way_;
        // A mark that cannot be written is only a proof missing at the next start; the next batch takes its place.
        if (!ended_ && fits(entry_header_bytes, 0) &&
            !write_mark(*place_.opened, entry_type::sync_mark, place_.header.generation, place_.offset, place_.synced))
            place_.offset += entry_header_bytes;
    }
    sync_under_way_.reset();
    commit_outcome outcome;
    outcome.error = error;
    outcome.job.what = commit_job::kind::sync;
    if (snapshot_under_way_) {
        if (error == boost::system::errc::no_space_on_device && !spares_.empty()) {
            // Without a snapshot nothing can be recycled: it is worth a spare.
            (void)files_.remove(spare_name(spares_.back()));
            spares_.pop_back();
            snapshots_waiting_.push_front(std::move(*snapshot_under_way_));
            snapshot_under_way_.reset();
            return;
        }
        outcome.job = std::move(*snapshot_under_way_);
        snapshot_under_way_.reset();
        if (!error) forget_old_snapshots(outcome.job.commit);
    } else if (!error) {
        return;
    }
    report(std::move(outcome));
}

void commit_queue::forget_old_snapshots(std::uint64_t newest) {
    if (snapshots_.empty() || snapshots_.back() != newest) snapshots_.push_back(newest);
    while (snapshots_.size() > snapshots_kept) {
        (void)files_.remove(snapshot_name(snapshots_.front())); // one more than needed harms nobody
        snapshots_.erase(snapshots_.begin());
    }
}

void commit_queue::refuse_snapshots() {
    for (auto& job : snapshots_waiting_) {
        commit_outcome outcome;
        outcome.job = std::move(job);
        outcome.error = errc::read_only;
        report(std::move(outcome));
    }
    snapshots_waiting_.clear();
}

/// Waits until nothing of it is left.
void commit_queue::finish_side_work() {
    while (const auto done = side_.wait()) {
        take_side_work(*done);
        step_side_work();
    }
}

core::error_code commit_queue::recycle(std::uint32_t segment) {
    if (read_only_) return errc::read_only;
    if (spares_.size() >= options_.spare_segments_max) return files_.remove(segment_name(segment));
    if (const auto error = files_.rename(segment_name(segment), spare_name(segment))) return error;
    spares_.push_back(segment);
    return {};
}

/// Copies of what lay in a segment may be written and not synced (durability::os): until they are it stays. Nobody
/// waits.
void commit_queue::recycle_synced() {
    while (!recycles_waiting_.empty()) {
        auto& first = recycles_waiting_.front();
        if (!all_synced() && place_.synced < first.after && !read_only_) return;
        commit_outcome outcome;
        outcome.error = recycle(first.job.segment);
        outcome.job = std::move(first.job);
        recycles_waiting_.pop_front();
        report(std::move(outcome));
    }
}

/// After this a reopening has nothing to rewrite. Failing is harmless: then it has.
void commit_queue::end_cleanly() {
    finish_side_work();
    if (read_only_ || ended_ || sync_log()) return;
    (void)end_active();
}

} // namespace messaging::store
