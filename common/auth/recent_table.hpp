// A bounded table by text from which the least recently used entry goes first. Loop only.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace auth {

template <class Value> class recent_table {
  public:
    explicit recent_table(std::size_t most) : most_(most) {}

    /// Null when there is none. Does not count as use. Valid until the table changes.
    Value* find(std::string_view key) {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : &found->second->second;
    }

    /// Null only when the table may hold nothing.
    Value* use(std::string_view key) {
        if (most_ == 0) return nullptr;
        if (const auto found = by_key_.find(key); found != by_key_.end()) {
            recent_.splice(recent_.begin(), recent_, found->second);
            return &recent_.front().second;
        }
        if (by_key_.size() >= most_) forget(std::string(recent_.back().first));
        recent_.emplace_front(std::string(key), Value{});
        by_key_.emplace(recent_.front().first, recent_.begin());
        return &recent_.front().second;
    }

    void forget(std::string_view key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return;
        const auto at = found->second;
        by_key_.erase(found); // before the text its key looks at
        recent_.erase(at);
    }

    std::size_t size() const noexcept { return by_key_.size(); }
    bool empty() const noexcept { return by_key_.empty(); }

  private:
    using entries = std::list<std::pair<std::string, Value>>;
    std::size_t most_;
    entries recent_; ///< most recently used first
    std::unordered_map<std::string_view, typename entries::iterator> by_key_;
};

} // namespace auth
