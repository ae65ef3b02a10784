// Whom we are at the platform, tenant by tenant: fixed users from the configuration, or those the platform makes for a
// microservice in each tenant that subscribes to it (ref E.4), so that tenants come and go while we run. One thread;
// `over`, when given, outlives it.
#pragma once

#include "common/core/clock.hpp"
#include "common/core/error.hpp"
#include "common/platform/platform_client.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace platform {

class service_credentials {
  public:
    /// `bootstrap` asks the platform as the bootstrap user; null: the fixed ones are all. A fixed one goes before the
    /// platform's.
    explicit service_credentials(std::vector<credentials> fixed, std::unique_ptr<rest> bootstrap = nullptr);

    /// Null for a tenant we have no user in. Valid until the next refresh.
    const credentials* find(const std::string& tenant) const;
    std::vector<std::string> tenants() const;
    bool can_refresh() const noexcept { return bootstrap_ != nullptr; }
    /// The list of subscriptions was read at least once, or is not needed.
    bool complete() const noexcept { return complete_; }

    /// Reads the subscriptions; false when they could not be read: then the last known ones stay. The log tells a
    /// change for the worse once.
    asio::awaitable<bool> refresh();

  private:
    std::map<std::string, credentials> fixed_;
    std::map<std::string, credentials> subscribed_;
    std::unique_ptr<rest> bootstrap_;
    bool complete_ = false;
    bool troubled_ = false;
};

/// `{"users":[{"tenant":…,"name":…,"password":…}]}`; nothing for anything else.
std::optional<std::vector<credentials>> read_subscriptions(std::string_view json);

} // namespace platform
