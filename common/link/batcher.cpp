#include "common/link/batcher.hpp"

namespace msg_link {

namespace {
/// Bytes of the whole frames at the front of `frames` that fit `limit`; at least one frame.
std::size_t whole_frames(std::string_view frames, std::size_t limit) noexcept {
    std::size_t end = 0;
    while (end < frames.size()) {
        const std::size_t frame = 4 + core::load_big_endian<std::uint32_t>(frames.data() + end);
        if (end != 0 && end + frame > limit) break;
        end += frame;
    }
    return end;
}
} // namespace

std::string& batcher::data(std::size_t frame_bytes) {
    if (data_.empty() || (!data_.back().empty() && data_.back().size() + frame_bytes > batch_bytes_target)) {
        if (!data_.empty()) closed_bytes_ += data_.back().size();
        data_.push_back(std::move(spare_));
        data_.back().clear();
        spare_ = {};
    }
    return data_.back();
}

bool batcher::take(std::string& batch) {
    batch.clear();
    if (control_.size() > batch_bytes_target) {
        const auto cut = whole_frames(control_, batch_bytes_target);
        batch.assign(control_, 0, cut);
        control_.erase(0, cut);
    } else {
        batch.swap(control_);
    }
    if (!data_.empty() && batch.size() <= batch_bytes_target) {
        auto& chunk = data_.front();
        if (data_.size() > 1) closed_bytes_ -= chunk.size();
        if (batch.empty())
            batch.swap(chunk);
        else
            batch.append(chunk);
        chunk.clear();
        if (spare_.capacity() < chunk.capacity()) spare_ = std::move(chunk);
        data_.pop_front();
        // The chunk that is now the last one is open again.
        if (data_.size() == 1) closed_bytes_ = 0;
    }
    return !batch.empty();
}

void batcher::clear() {
    control_.clear();
    data_.clear();
    closed_bytes_ = 0;
}

} // namespace msg_link
