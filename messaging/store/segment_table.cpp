#include "messaging/store/segment_table.hpp"

#include <algorithm>

namespace messaging::store {

segment_info* segment_table::find(std::uint32_t segment) noexcept {
    const auto found =
        std::lower_bound(segments_.begin(), segments_.end(), segment,
                         [](const segment_info& info, std::uint32_t number) { return info.segment < number; });
    return found != segments_.end() && found->segment == segment ? &*found : nullptr;
}

void segment_table::begin(const segment_info& info) {
    segments_.push_back(info);
    disk_bytes_ += info.file_bytes;
}

void segment_table::add_live(segment_info& info, std::uint64_t count, std::uint64_t bytes) noexcept {
    info.live_count += count;
    info.live_bytes += bytes;
    live_count_ += count;
    live_bytes_ += bytes;
}

segment_info* segment_table::retire(location where, std::uint32_t bytes) noexcept {
    segment_info* const info = find(where.segment);
    if (info == nullptr || info->live_count == 0) return nullptr;
    const std::uint64_t gone = std::min<std::uint64_t>(bytes, info->live_bytes);
    --info->live_count;
    --live_count_;
    info->live_bytes -= gone;
    live_bytes_ -= gone;
    return info->live_count == 0 ? info : nullptr;
}

segment_info* segment_table::sparsest(std::uint64_t snapshot_commit, bool pressed) noexcept {
    if (!pressed && live_bytes_ >= disk_bytes_ / 4) return nullptr;
    segment_info* found = nullptr;
    for (segment_info& info : segments_) {
        const bool sealed = info.segment != newest() && info.last_commit <= snapshot_commit;
        if (!sealed || info.keep || info.live_count == 0 || info.live_bytes >= info.file_bytes / 4 * 3) continue;
        if (found == nullptr || info.live_bytes < found->live_bytes) found = &info;
    }
    return found;
}

std::vector<std::uint32_t> segment_table::take_recyclable(std::uint64_t snapshot_commit) {
    std::vector<std::uint32_t> taken;
    const std::uint32_t last = newest();
    std::erase_if(segments_, [&](const segment_info& info) {
        if (info.segment == last || info.live_count != 0 || info.last_commit > snapshot_commit) return false;
        taken.push_back(info.segment);
        disk_bytes_ -= info.file_bytes;
        return true;
    });
    return taken;
}

} // namespace messaging::store
