// Tenant options of one tenant (ref E.6): category, key, value.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace platform_sim::model {

class option_table {
  public:
    using category = std::map<std::string, std::string, std::less<>>;

    void set(const std::string& in, const std::string& key, std::string value) {
        by_category_[in].insert_or_assign(key, std::move(value));
    }
    /// Null when there is none.
    const std::string* find(std::string_view in, std::string_view key) const {
        const auto& keys = of(in);
        const auto found = keys.find(key);
        return found == keys.end() ? nullptr : &found->second;
    }
    bool remove(std::string_view in, std::string_view key) {
        const auto found = by_category_.find(in);
        if (found == by_category_.end()) return false;
        const auto at = found->second.find(key);
        if (at == found->second.end()) return false;
        found->second.erase(at);
        if (found->second.empty()) by_category_.erase(found);
        return true;
    }
    const category& of(std::string_view name) const {
        static const category none;
        const auto found = by_category_.find(name);
        return found == by_category_.end() ? none : found->second;
    }
    const std::map<std::string, category, std::less<>>& all() const noexcept { return by_category_; }

  private:
    std::map<std::string, category, std::less<>> by_category_;
};

} // namespace platform_sim::model
