// commit_queue: what is done beside the commits - syncs that nobody waits for, snapshots, ends of segments, and the
// next segment's preparation.
#include "messaging/store/commit_queue.hpp"

#include "common/core/log.hpp"
#include "messaging/store/snapshot.hpp"

#include <algorithm>

namespace messaging::store {

namespace {
/// durability::os: written and not yet on its way to the disk. Bounds what a roll has to wait for: less towards the end
/// of a segment.
constexpr std::uint64_t dirty_bytes_max = 4u << 20, dirty_bytes_max_near_end = 256u << 10, near_end = 8u << 20;
/// Bytes per second: with more, filling segments would take from the commits what it gives.
constexpr double fill_below = 32u << 20;
} // namespace

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
    if (prepare_due())
        begin_prepare();
    else if (sync_due())
        begin_sync();
    else if (!snapshots_waiting_.empty())
        begin_snapshot();
    else if (!seals_.empty())
        begin_seal();
    else if (fill_due())
        begin_fill();
}

bool commit_queue::sync_due() const {
    if (!dirty_) return false;
    const bool ends_soon = place_.header.segment_bytes - place_.offset < near_end;
    return dirty_bytes_ >= (ends_soon ? dirty_bytes_max_near_end : dirty_bytes_max) || clock::now() >= sync_at_;
}

void commit_queue::begin_sync() {
    mark_sync_begun();
    under_way_ = side::sync;
    side_.start(
        [log = place_.opened.get()] { return log->sync() ? make_error_code(errc::sync_failed) : core::error_code{}; });
}

void commit_queue::mark_sync_begun() {
    dirty_ = false;
    dirty_bytes_ = 0;
    ++syncs_;
    sync_under_way_ = written_commit_;
}

bool commit_queue::prepare_due() const {
    if (prepared_ || cannot_prepare_ || ending_ || place_.offset < place_.header.segment_bytes / 2) return false;
    return spares_.size() > options_.spare_reserve || may_roll_;
}

/// Renaming a spare, or allocating a file, and two syncs: a roll that finds it done has only to begin it.
void commit_queue::begin_prepare() {
    const std::uint32_t spare = spares_.size() > options_.spare_reserve ? take_spare() : 0;
    const double seconds = std::chrono::duration<double>(clock::now() - place_begun_at_).count();
    const bool calm = !options_.side_thread || place_.offset < fill_below * seconds;
    filled_to_ = spare == 0 && calm ? segment_data_begin : options_.segment_bytes;
    under_way_ = side::prepare;
    side_.start([this, spare, header = next_header()]() -> core::error_code {
        auto made = prepare_segment(files_, header, spare);
        if (!made) return made.error();
        preparing_ = std::move(*made);
        return {};
    });
}

/// A sync of blocks that were never written has the file's extents to write too. So the next segment's are written in
/// time, as long as the commits leave the disk time for that.
bool commit_queue::fill_due() const {
    return prepared_ && !left_ && filled_to_ < prepared_->header.segment_bytes && options_.mode == durability::fsync &&
           !ending_;
}

void commit_queue::begin_fill() {
    constexpr std::uint32_t piece = 256u << 10;
    static const std::vector<std::byte> zeros(piece);
    const std::uint32_t from = filled_to_;
    const std::uint32_t size = std::min(piece, prepared_->header.segment_bytes - from);
    filled_to_ += size;
    under_way_ = side::fill;
    side_.start([to = prepared_->opened.get(), from, size]() -> core::error_code {
        if (const auto error = to->write_at(from, core::byte_span(zeros).first(size))) return error;
        return to->sync();
    });
}

/// Failing is no harm: the blocks are there, only not written.
void commit_queue::fill_done(core::error_code error) {
    if (error) filled_to_ = prepared_->header.segment_bytes;
}

void commit_queue::begin_seal() {
    under_way_ = side::seal;
    side_.start([&seal = seals_.front().seal] { return seal.step(); });
}

/// Never ahead of the log, so that is synced first where it is not.
void commit_queue::begin_snapshot() {
    snapshot_under_way_ = std::move(snapshots_waiting_.front());
    snapshots_waiting_.pop_front();
    file* log = nullptr;
    if (dirty_) {
        log = place_.opened.get();
        mark_sync_begun();
    }
    under_way_ = side::snapshot;
    side_.start([this, log]() -> core::error_code {
        if (log != nullptr && log->sync()) return errc::sync_failed;
        return save_snapshot(files_, snapshot_under_way_->commit, snapshot_under_way_->snapshot);
    });
}

void commit_queue::take_side_work(core::error_code error) {
    switch (std::exchange(under_way_, side::none)) {
    case side::prepare: prepare_done(error); return;
    case side::fill: fill_done(error); return;
    case side::seal: seal_done(error); return;
    case side::sync:
        sync_done(error);
        if (error) report_sync_failure(error);
        return;
    case side::snapshot:
        sync_done(error);
        snapshot_done(error);
        return;
    case side::none: return;
    }
}

/// Failing is no harm: the roll tries again and says what it says.
void commit_queue::prepare_done(core::error_code error) {
    if (error)
        cannot_prepare_ = true;
    else
        prepared_ = std::move(preparing_);
    preparing_.reset();
}

/// The content is synced and the next segment knows where it ends, so a footer may be missing. The end may not: the
/// next segment can be recycled before this one.
void commit_queue::seal_done(core::error_code error) {
    sealing& first = seals_.front();
    if (error && !first.failed_once) {
        core::log::warn("segment left without footer; it will be read whole at the next start",
                        {{"segment", first.segment}, {"error", error.message()}});
        first.failed_once = true;
        first.seal.without_footer();
        return;
    }
    if (error) report_sync_failure(fail(errc::sync_failed));
    if (error || first.seal.done()) seals_.pop_front();
}

void commit_queue::sync_done(core::error_code error) {
    if (error == errc::sync_failed) {
        dirty_ = false; // nothing will be synced any more
        (void)fail(error);
    } else if (sync_under_way_) { // also when the snapshot behind it could not be written
        place_.synced = *sync_under_way_;
        // A mark that cannot be written is only a proof missing at the next start; the next batch takes its place.
        if (!left_ && fits(entry_header_bytes, 0) &&
            !write_mark(*place_.opened, entry_type::sync_mark, place_.header.generation, place_.offset, place_.synced))
            place_.offset += entry_header_bytes;
    }
    sync_under_way_.reset();
}

void commit_queue::report_sync_failure(core::error_code error) {
    commit_outcome outcome;
    outcome.error = error;
    outcome.job.what = commit_job::kind::sync;
    report(std::move(outcome));
}

void commit_queue::snapshot_done(core::error_code error) {
    if (error == boost::system::errc::no_space_on_device && !spares_.empty()) {
        // Without a snapshot nothing can be recycled: it is worth a spare.
        (void)files_.remove(spare_name(take_spare()));
        snapshots_waiting_.push_front(std::move(*snapshot_under_way_));
        snapshot_under_way_.reset();
        return;
    }
    commit_outcome outcome;
    outcome.error = error;
    outcome.job = std::move(*snapshot_under_way_);
    snapshot_under_way_.reset();
    if (!error) forget_old_snapshots(outcome.job.commit);
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

} // namespace messaging::store
