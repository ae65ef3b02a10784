#include "broker/relay/filter_set.hpp"

#include "common/record/filter.hpp"

#include <algorithm>

namespace broker::relay {

void filter_set::put(std::string_view filter, std::uint8_t qos, bool no_local) {
    remove(filter);
    filters_.emplace(std::string(filter), terms{qos, no_local});
    if (no_local) ++no_local_count_;
}

bool filter_set::remove(std::string_view filter) {
    const auto found = filters_.find(filter);
    if (found == filters_.end()) return false;
    if (found->second.no_local) --no_local_count_;
    filters_.erase(found);
    return true;
}

std::optional<std::uint8_t> filter_set::own_message_qos(std::string_view topic) const {
    std::optional<std::uint8_t> best;
    for (const auto& [filter, how] : filters_) {
        if (how.no_local || !record::filter_matches(filter, topic)) continue;
        best = std::max(best.value_or(0), how.qos);
    }
    return best;
}

} // namespace broker::relay
