#include "messaging/store/commit_queue.hpp"

#include "common/core/log.hpp"

#include <array>

namespace messaging::store {

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
        recycles_waiting_.push_back({std::move(outcome.job), written_commit_});
        recycle_synced();
        return;
    case commit_job::kind::snapshot:
    case commit_job::kind::sync:
    case commit_job::kind::end: break;
    }
    report(std::move(outcome));
}

void commit_queue::report(commit_outcome outcome) {
    outcome.spares = spares_.size() + (prepared_ || under_way_ == side::prepare ? 1 : 0);
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
    may_roll_ = outcome.job.may_roll;
    if (!error && (left_ || !fits(bytes.size(), bytes.live_count())))
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

} // namespace messaging::store
