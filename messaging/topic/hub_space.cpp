// Copy-forward: the few live messages of an old segment are appended again, so that its file can be used for new ones.
// One group of them at a time is on its way: found in the segment's index, read by the read thread, appended with
// topic, position and time as they were, and moved in the index when the commit is durable. Whatever ends a message
// meanwhile (acknowledgement, expiry, removal) retires the old place; the copy is retired when it arrives.
#include "messaging/topic/hub.hpp"

#include "common/core/log.hpp"

namespace messaging::topic {

namespace {
constexpr std::size_t looked_per_turn = 4'096;
constexpr std::size_t group_bytes = 256 * 1024;
constexpr std::int64_t pause_after_failure_ms = 5'000;
} // namespace

/// The message when it is live and still lies at that place.
message* hub::find_at(std::uint32_t topic_number, std::uint64_t position, store::location where) noexcept {
    const auto of = numbered_.find(topic_number);
    if (of == numbered_.end()) return nullptr;
    auto* const found = of->second->find(position);
    return found != nullptr && found->pending > 0 && found->where == where ? found : nullptr;
}

void hub::copy_forward() {
    if (copying_.running || closing_ || now_ms() < copy_after_ms_ || failed()) return;
    const auto segment = log_->sparse_segment();
    if (segment == 0) return;
    copying_ = {nullptr, 0, true};
    log_->read_index(segment, [this](std::shared_ptr<const store::segment_index> index) {
        if (index->error) {
            core::log::error("segment unreadable, its messages stay where they are",
                             {{"segment", index->segment}, {"error", index->error.message()}});
            log_->keep_segment(index->segment);
            return end_copying(false);
        }
        copying_.index = std::move(index);
        copy_next();
    });
}

/// Finds the next group and asks for it. Without any live message the read thread's answer is the pause between slices.
void hub::copy_next() {
    if (closing_ || failed()) return end_copying(true);
    const auto& index = *copying_.index;
    std::vector<store::read_request> requests;
    std::size_t bytes = 0;
    for (std::size_t looked = 0; copying_.next < index.entries.size(); ++looked, ++copying_.next) {
        if (looked == looked_per_turn || bytes >= group_bytes) break;
        const auto& one = index.entries[copying_.next];
        const store::location where{index.segment, one.offset};
        if (find_at(one.topic, one.position, where) == nullptr) continue;
        requests.push_back({where, one.bytes});
        bytes += one.bytes;
    }
    if (requests.empty() && copying_.next == index.entries.size()) {
        // All of it was copied or ended meanwhile; what still counts as live there is nothing anybody can find.
        log_->keep_segment(index.segment);
        ++stats_.segments_copied;
        return end_copying(false);
    }
    log_->fetch(std::move(requests), [this](const std::shared_ptr<const store::fetched>& read) { copy_read(*read); });
}

void hub::copy_read(const store::fetched& read) {
    if (closing_ || failed()) return end_copying(true);
    bool any = false;
    for (const auto& one : read.entries) {
        if (one.error) { // as `message unreadable` at its delivery: the rest moves, the segment stays
            core::log::error(
                "message unreadable, not copied",
                {{"segment", one.where.segment}, {"offset", one.where.offset}, {"error", one.error.message()}});
            continue;
        }
        const auto& entry = one.entry;
        if (find_at(entry.topic, entry.position, one.where) == nullptr) continue;
        copied_message made{entry.topic, entry.position, one.where, 0, static_cast<std::uint32_t>(entry.body.size())};
        made.offset = log_->append(store::entry_type::message, entry.topic, entry.position, entry.time_ms, {entry.body},
                                   store::entry_flag::copy);
        gathering_work().copies.push_back(made);
        any = true;
    }
    if (any)
        kick();
    else
        copy_next();
}

void hub::end_copying(bool failed) {
    copying_ = {};
    if (failed) copy_after_ms_ = now_ms() + pause_after_failure_ms;
}

void hub::place_copies(work& batch, const store::committed_batch& done) {
    if (batch.copies.empty()) return;
    for (const auto& one : batch.copies) {
        const auto bytes = store::entry_bytes(one.bytes);
        const auto to = done.bytes->at(one.offset);
        auto* const moved = find_at(one.topic, one.position, one.from);
        log_->retire(moved != nullptr ? one.from : to, bytes);
        if (moved == nullptr) continue;
        moved->where = to;
        ++stats_.copied_messages;
        stats_.copied_bytes += bytes;
    }
    // A group may have been split over two batches; the second one goes on.
    const bool more = !works_.empty() && !works_.front().copies.empty();
    if (copying_.running && !more) copy_next();
}

} // namespace messaging::topic
