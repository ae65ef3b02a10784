// Events, alarms and operations: JSON documents by increasing ID, the oldest dropped at the maximum.
#pragma once

#include "tests/platform/model/json.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

namespace platform_sim::model {

struct record {
    std::uint64_t id = 0;
    std::uint64_t source = 0; ///< managed object
    std::int64_t time_ms = 0; ///< the document's own time
    std::int64_t created_ms = 0;
    std::int64_t updated_ms = 0;
    json::object fields; ///< without id, self and source
};

class record_table {
  public:
    explicit record_table(std::size_t kept_max) : kept_max_(kept_max) {}

    /// Counts it; drops the oldest when there are too many. The reference lives until the next add.
    record& add(record added) {
        ++added_count_;
        if (records_.size() >= kept_max_) records_.erase(records_.begin());
        const auto id = added.id;
        return records_.insert_or_assign(id, std::move(added)).first->second;
    }
    record* find(std::uint64_t id) {
        const auto found = records_.find(id);
        return found == records_.end() ? nullptr : &found->second;
    }
    bool erase(std::uint64_t id) { return records_.erase(id) == 1; }
    template <class Predicate> std::size_t erase_if(Predicate&& goes) {
        return std::erase_if(records_, [&](const auto& item) { return goes(item.second); });
    }
    const std::map<std::uint64_t, record>& all() const noexcept { return records_; }
    std::map<std::uint64_t, record>& all() noexcept { return records_; }
    std::uint64_t added_count() const noexcept { return added_count_; }

  private:
    std::size_t kept_max_;
    std::uint64_t added_count_ = 0;
    std::map<std::uint64_t, record> records_;
};

/// `null` removes, everything else replaces, absent stays (ref D.1). True when anything is different now.
bool merge_fields(json::object& into, const json::object& change);

} // namespace platform_sim::model
