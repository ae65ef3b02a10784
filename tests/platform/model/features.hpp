// Feature toggles (ref A.4, F.7): the few keys that concern MQTT, with their defaults and the tenants that differ.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace platform_sim::model {

struct feature {
    std::string_view key;
    std::string_view phase;
    bool active; ///< unless a tenant overrides it
};

inline constexpr std::array<feature, 2> known_features{
    feature{"certificate-authority", "PUBLIC_PREVIEW", false},
    feature{"mqtt-service.basic-authentication", "GENERALLY_AVAILABLE", true},
};

class feature_book {
  public:
    using overrides = std::map<std::string, bool, std::less<>>; ///< by tenant

    /// Null for a key that does not exist.
    static const feature* find(std::string_view key) {
        for (const auto& one : known_features)
            if (one.key == key) return &one;
        return nullptr;
    }
    bool overridden(const feature& of, std::string_view tenant) const { return all(of).contains(tenant); }
    bool active(const feature& of, std::string_view tenant) const {
        const auto& tenants = all(of);
        const auto found = tenants.find(tenant);
        return found == tenants.end() ? of.active : found->second;
    }
    void set(const feature& of, const std::string& tenant, bool active) {
        by_key_[std::string(of.key)].insert_or_assign(tenant, active);
    }
    void unset(const feature& of, const std::string& tenant) { by_key_[std::string(of.key)].erase(tenant); }
    const overrides& all(const feature& of) const {
        static const overrides none;
        const auto found = by_key_.find(of.key);
        return found == by_key_.end() ? none : found->second;
    }
    void clear() { by_key_.clear(); }

  private:
    std::map<std::string, overrides, std::less<>> by_key_;
};

} // namespace platform_sim::model
