#include "common/link/outbound.hpp"

#include <algorithm>

namespace msg_link {

std::string& outbound::room(std::size_t frame_bytes) {
    const bool open = written_ < chunks_.size();
    if (!open || (!chunks_.back().bytes.empty() && chunks_.back().bytes.size() + frame_bytes > batch_bytes_target)) {
        chunks_.emplace_back();
        chunks_.back().bytes = std::move(spare_);
        chunks_.back().bytes.clear();
        spare_ = {};
    }
    return chunks_.back().bytes;
}

std::uint64_t outbound::appended(std::size_t frame_bytes) noexcept {
    bytes_ += frame_bytes;
    chunks_.back().last = next_;
    ++chunks_.back().frames;
    return next_++;
}

const std::string& outbound::take() {
    writing_ = true;
    return chunks_[written_++].bytes;
}

void outbound::written_done() noexcept {
    writing_ = false;
    drop_settled();
}

void outbound::settle(std::uint64_t up_to) {
    settled_ = std::max(settled_, std::min(up_to, next_ - 1));
    drop_settled();
}

void outbound::drop_settled() {
    // The chunk being written stays until its write ended, even if the answer overtook the completion.
    while (written_ > (writing_ ? 1U : 0U) && !chunks_.empty() && chunks_.front().last <= settled_) {
        bytes_ -= chunks_.front().bytes.size();
        if (spare_.capacity() == 0) spare_ = std::move(chunks_.front().bytes);
        chunks_.pop_front();
        --written_;
    }
}

void outbound::rewind(std::uint64_t settled) {
    writing_ = false;
    settled_ = std::max(settled_, settled);
    written_ = chunks_.size();
    drop_settled();
    written_ = 0;
    if (chunks_.empty()) return;
    // The first chunk may be settled in part: its front frames go.
    auto& first = chunks_.front();
    std::uint64_t sequence = first.last - first.frames;
    std::size_t cut = 0;
    while (sequence < settled_) {
        cut += 4 + core::load_big_endian<std::uint32_t>(first.bytes.data() + cut);
        --first.frames;
        ++sequence;
    }
    first.bytes.erase(0, cut);
    bytes_ -= cut;
}

} // namespace msg_link
