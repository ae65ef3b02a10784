#include "broker/tenant/tenant_registry.hpp"

#include <unordered_map>

namespace broker::tenant {

std::shared_ptr<tenant> tenant_registry::find_or_make(std::string_view id) {
    std::string key(id);
    auto& place = tenants_[key];
    if (!place)
        place = std::make_shared<tenant>(
            std::move(key), std::make_shared<const tenant_settings>(resolve(defaults_, options_(id))), count_);
    return place;
}

std::shared_ptr<const tenant_settings> tenant_registry::settings_of(std::string_view id) const {
    if (const auto found = tenants_.find(std::string(id)); found != tenants_.end()) return found->second->settings();
    return std::make_shared<const tenant_settings>(resolve(defaults_, options_(id)));
}

void tenant_registry::reload() {
    for (auto& [id, one] : tenants_)
        one->use(std::make_shared<const tenant_settings>(resolve(defaults_, options_(id))));
}

void tenant_registry::sweep() {
    std::erase_if(tenants_, [](const auto& one) { return one.second.use_count() == 1; });
}

} // namespace broker::tenant
