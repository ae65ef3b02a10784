#include "broker/relay/stream.hpp"

#include <algorithm>

namespace broker::relay {

void stream::take(std::uint64_t position, std::uint64_t bytes, bool must_acknowledge) {
    taken_ = std::max(taken_, position);
    ++taken_messages_;
    taken_bytes_ += bytes;
    if (!must_acknowledge) return;
    if (entries_.empty() || entries_.back().position < position) {
        entries_.push_back({position, false});
        return;
    }
    // A redelivery stands before newer ones.
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), position,
                                     [](const entry& one, std::uint64_t p) { return one.position < p; });
    if (at == entries_.end() || at->position != position)
        entries_.insert(at, {position, false});
    else if (at->acknowledged) {
        at->acknowledged = false;
        --acknowledged_;
    }
}

bool stream::acknowledge(std::uint64_t position) noexcept {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), position,
                                     [](const entry& one, std::uint64_t p) { return one.position < p; });
    if (at == entries_.end() || at->position != position || at->acknowledged) return false;
    at->acknowledged = true;
    ++acknowledged_;
    return true;
}

void stream::take_ranges(std::vector<std::uint64_t>& pairs) {
    if (acknowledged_ == 0) return;
    std::size_t keep = 0; // compacts in place: acknowledged entries leave
    bool open = false;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!entries_[i].acknowledged) {
            entries_[keep++] = entries_[i];
            open = false;
            continue;
        }
        if (open)
            pairs.back() = entries_[i].position;
        else {
            pairs.push_back(entries_[i].position);
            pairs.push_back(entries_[i].position);
            open = true;
        }
    }
    entries_.resize(keep);
    acknowledged_ = 0;
    if (entries_.empty() && entries_.capacity() > 256) entries_.shrink_to_fit();
}

void stream::credit_now(std::uint64_t& messages, std::uint64_t& bytes) noexcept {
    granted_messages_ = done_messages_ + window_messages_;
    granted_bytes_ = done_bytes_ + window_bytes_;
    messages = granted_messages_;
    bytes = granted_bytes_;
}

bool stream::credit_due(std::uint64_t& messages, std::uint64_t& bytes) noexcept {
    const auto left_messages = granted_messages_ - done_messages_;
    const auto left_bytes = granted_bytes_ - done_bytes_;
    const bool enough =
        left_messages > window_messages_ / 2U && granted_bytes_ > done_bytes_ && left_bytes > window_bytes_ / 2;
    if (enough || window_messages_ == 0) return false;
    credit_now(messages, bytes);
    return true;
}

void stream::outstanding(std::vector<std::uint64_t>& into) const {
    for (const auto& one : entries_)
        if (!one.acknowledged) into.push_back(one.position);
}

} // namespace broker::relay
