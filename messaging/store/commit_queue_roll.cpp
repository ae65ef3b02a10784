// commit_queue: from one segment to the next, and old segments back to spares.
#include "messaging/store/commit_queue.hpp"

#include "common/core/log.hpp"

namespace messaging::store {

/// Until the next segment can be prepared, what still fits goes on being written here.
core::error_code commit_queue::roll(const batch& wanted) {
    if (const auto error = sync_log()) return error;
    recycle_synced();
    if (under_way_ == side::prepare || under_way_ == side::fill) take_side_work(*side_.wait());
    if (!prepared_) {
        // The last spares are for what gives space back: on a full disk new messages do not get them.
        const bool reserved = wanted.new_count() > 0 && spares_.size() <= options_.spare_reserve;
        auto made = prepare_segment(files_, next_header(), reserved ? 0 : take_spare());
        if (!made) return made.error();
        prepared_ = std::move(*made);
        filled_to_ = prepared_->header.segment_bytes; // it is needed now
    }
    left_ = true; // from the first byte of the begin record on, whatever becomes of the rest
    if (const auto error = begin_segment(*prepared_, written_commit_ + 1, place_.header.segment, place_.offset))
        return error;
    leave_segment();
    place_.opened = std::move(prepared_->opened);
    place_.header = prepared_->header;
    place_.offset = segment_data_begin;
    place_.footer = {};
    place_begun_at_ = clock::now();
    prepared_.reset();
    left_ = false;
    cannot_prepare_ = false;
    return {};
}

segment_header commit_queue::next_header() {
    segment_header next;
    next.segment = place_.header.segment + 1;
    next.generation = options_.random();
    next.incarnation = incarnation_;
    next.segment_bytes = options_.segment_bytes;
    return next;
}

/// 0 when there is none.
std::uint32_t commit_queue::take_spare() {
    if (spares_.empty()) return 0;
    const std::uint32_t spare = spares_.back();
    spares_.pop_back();
    return spare;
}

/// Its end is written beside the commits; no more than a few wait for that, for their footers are in memory.
void commit_queue::leave_segment() {
    constexpr std::size_t seals_max = 2;
    while (seals_.size() >= seals_max && !read_only_) {
        if (!side_.busy()) begin_seal();
        take_side_work(*side_.wait());
    }
    const std::uint64_t generation = place_.header.generation;
    seals_.push_back({place_.header.segment, segment_seal(std::move(place_.opened), generation, place_.offset,
                                                          written_commit_, std::move(place_.footer))});
}

core::error_code commit_queue::recycle(std::uint32_t segment) {
    if (read_only_) return errc::read_only;
    if (spares_.size() >= options_.spare_segments_max) return files_.remove(segment_name(segment));
    if (const auto error = files_.rename(segment_name(segment), spare_name(segment))) return error;
    spares_.push_back(segment);
    cannot_prepare_ = false;
    return {};
}

/// Copies of what lay in a segment may be written and not synced (durability::os): until they are it stays, and as long
/// as its end is being written. Nobody waits.
void commit_queue::recycle_synced() {
    const auto being_sealed = [this](std::uint32_t segment) {
        for (const sealing& each : seals_)
            if (each.segment == segment) return true;
        return false;
    };
    while (!recycles_waiting_.empty()) {
        auto& first = recycles_waiting_.front();
        const bool synced = all_synced() || place_.synced >= first.after;
        if (!read_only_ && (!synced || being_sealed(first.job.segment))) return;
        commit_outcome outcome;
        outcome.error = recycle(first.job.segment);
        outcome.job = std::move(first.job);
        recycles_waiting_.pop_front();
        report(std::move(outcome));
    }
}

/// After this a reopening has nothing to rewrite. Failing is harmless: then it has.
void commit_queue::end_cleanly() {
    ending_ = true;
    step_side_work();
    finish_side_work();
    if (prepared_) (void)files_.rename(segment_name(prepared_->header.segment), spare_name(prepared_->header.segment));
    if (read_only_ || sync_log()) return;
    const std::uint64_t generation = place_.header.generation;
    (void)segment_seal(std::move(place_.opened), generation, place_.offset, written_commit_, std::move(place_.footer))
        .finish();
}

} // namespace messaging::store
