#include "messaging/topic/read_ahead.hpp"

#include <algorithm>

namespace messaging::topic {

void read_ahead::take(std::shared_ptr<const store::fetched> read) {
    clear();
    entries_.reserve(read->entries.size());
    for (const auto& one : read->entries)
        if (!one.error) entries_.push_back({one.entry.position, one.entry.body});
    if (!entries_.empty()) bytes_ = std::move(read);
}

core::byte_span read_ahead::find(std::uint64_t position) noexcept {
    if (next_ >= entries_.size() || entries_[next_].position != position) {
        const auto at = std::lower_bound(entries_.begin(), entries_.end(), position,
                                         [](const entry& one, std::uint64_t wanted) { return one.position < wanted; });
        if (at == entries_.end() || at->position != position) return {};
        next_ = static_cast<std::size_t>(at - entries_.begin());
    }
    return entries_[next_].record;
}

void read_ahead::drop(std::uint64_t position) noexcept {
    if (find(position).empty()) return;
    entries_[next_++].record = {};
    if (++dropped_ == entries_.size()) clear();
}

void read_ahead::clear() noexcept {
    entries_.clear();
    next_ = dropped_ = 0;
    bytes_.reset();
}

} // namespace messaging::topic
