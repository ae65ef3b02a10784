#include "messaging/store/batch_cache.hpp"

#include <algorithm>

namespace messaging::store {
namespace {
constexpr std::size_t pool_max = 8;
} // namespace

std::shared_ptr<batch> batch_cache::fresh(std::uint64_t commit) {
    std::shared_ptr<batch> taken;
    if (pool_.empty()) {
        taken = std::make_shared<batch>();
    } else {
        taken = std::move(pool_.back());
        pool_.pop_back();
    }
    taken->begin(commit);
    return taken;
}

void batch_cache::keep(std::shared_ptr<batch> committed) {
    committed->shrink();
    bytes_ += committed->capacity_;
    kept_.push_back(std::move(committed));
    while (bytes_ > bytes_max_ && !kept_.empty()) {
        bytes_ -= kept_.front()->capacity_;
        give_back(std::move(kept_.front()));
        kept_.pop_front();
    }
}

void batch_cache::give_back(std::shared_ptr<batch> done) {
    // Only a buffer that nobody looks at can be written again; all references live on the loop, so the count is true.
    if (done.use_count() == 1 && pool_.size() < pool_max) pool_.push_back(std::move(done));
}

std::shared_ptr<const batch> batch_cache::find(location where) const {
    auto behind = std::upper_bound(kept_.begin(), kept_.end(), where,
                                   [](location place, const auto& kept) { return place < kept->base(); });
    if (behind == kept_.begin()) return nullptr;
    const std::shared_ptr<batch>& candidate = *--behind;
    const location base = candidate->base();
    if (base.segment != where.segment || where.offset - base.offset >= candidate->size()) return nullptr;
    return candidate;
}

} // namespace messaging::store
