// The connections that rest on a client certificate, by tenant: who is looked at when a tenant's trust changes. Entries
// belong to connections, which leave before they end. Loop only.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace broker::edge {

class connection;

class certified_clients {
  public:
    void add(std::string_view tenant, connection* one) {
        if (tenants_.emplace(one, tenant).second) by_tenant_[std::string(tenant)].insert(one);
    }
    void remove(connection* one) {
        const auto known = tenants_.find(one);
        if (known == tenants_.end()) return;
        const auto found = by_tenant_.find(known->second);
        found->second.erase(one);
        if (found->second.empty()) by_tenant_.erase(found);
        tenants_.erase(known);
    }
    bool contains(connection* one) const { return tenants_.contains(one); }
    /// Those of one tenant, or all when none is named.
    std::vector<connection*> of(std::string_view tenant) const {
        std::vector<connection*> found;
        if (tenant.empty()) {
            for (const auto& [one, name] : tenants_) found.push_back(one);
        } else if (const auto its = by_tenant_.find(std::string(tenant)); its != by_tenant_.end()) {
            found.assign(its->second.begin(), its->second.end());
        }
        return found;
    }
    std::size_t size() const noexcept { return tenants_.size(); }

  private:
    std::unordered_map<connection*, std::string> tenants_;
    std::unordered_map<std::string, std::unordered_set<connection*>> by_tenant_;
};

} // namespace broker::edge
