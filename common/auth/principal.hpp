// Whom a request acts for. Values.
#pragma once

#include "common/core/ids.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace auth {

/// Role to issue tokens and subscriptions (ref C.3).
inline constexpr std::string_view role_notification_admin = "ROLE_NOTIFICATION_2_ADMIN";
/// Role to manage the tenant's topics and certificates (ref F.3).
inline constexpr std::string_view role_tenant_admin = "ROLE_TENANT_ADMIN";

struct principal {
    core::tenant_id tenant;
    std::string user;
    std::vector<std::string> roles;

    bool has_role(std::string_view role) const noexcept {
        return std::find(roles.begin(), roles.end(), role) != roles.end();
    }
    bool operator==(const principal&) const = default;
};

struct credentials {
    core::tenant_id tenant;
    std::string user;
    std::string password;
};

} // namespace auth
