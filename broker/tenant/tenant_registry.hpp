// The tenants that have or had clients here, with what holds for each. A tenant appears on first use and is forgotten
// when it is empty. Loop only.
#pragma once

#include "broker/tenant/settings.hpp"
#include "broker/tenant/tenant.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace broker::tenant {

class tenant_registry {
  public:
    /// Where a tenant's own options come from; null: there are none. The pointer is used during the call only.
    using source = std::function<const auth::tenant_options*(std::string_view tenant)>;

    /// `count` may be null and outlives the registry.
    tenant_registry(tenant_defaults defaults, source options, meters* count = nullptr)
        : defaults_(std::move(defaults)), options_(std::move(options)), count_(count), strangers_("unknown", count) {}

    /// Never null.
    std::shared_ptr<tenant> find_or_make(std::string_view id);
    /// What holds for a tenant, without giving it a place here: for logins, which may fail. Never null.
    std::shared_ptr<const tenant_settings> settings_of(std::string_view id) const;
    /// Resolves every tenant anew; running connections keep their session's settings, limits of the tenant change at
    /// once.
    void reload();
    void reload(tenant_defaults defaults) {
        defaults_ = std::move(defaults);
        reload();
    }
    /// Forgets tenants that nobody holds; for quiet moments.
    void sweep();
    std::size_t size() const noexcept { return tenants_.size(); }
    /// Counts what is refused before a tenant is known.
    counters& strangers() noexcept { return strangers_; }
    /// Settings before a tenant is known.
    const tenant_defaults& defaults() const noexcept { return defaults_; }
    const std::unordered_map<std::string, std::shared_ptr<tenant>>& all() const noexcept { return tenants_; }

  private:
    tenant_defaults defaults_;
    source options_;
    meters* count_;
    counters strangers_;
    std::unordered_map<std::string, std::shared_ptr<tenant>> tenants_;
};

} // namespace broker::tenant
