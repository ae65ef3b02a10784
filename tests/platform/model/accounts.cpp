#include "tests/platform/model/accounts.hpp"

#include "common/net/encoding.hpp"
#include "tests/platform/model/text.hpp"

namespace platform_sim::model {

bool account_book::add(std::string_view text) {
    const auto colon = text.find(':');
    const auto slash = text.find('/');
    if (colon == std::string_view::npos || slash == std::string_view::npos || slash > colon) return false;
    account added;
    added.tenant = text.substr(0, slash);
    added.name = text.substr(slash + 1, colon - slash - 1);
    added.password = text.substr(colon + 1);
    if (added.tenant.empty() || added.name.empty() || added.password.empty()) return false;
    added.all_roles = added.name == "admin" || added.name.starts_with("service_");
    if (!added.all_roles) added.roles = {"ROLE_INVENTORY_CREATE", "ROLE_IDENTITY_READ"};
    accounts_.insert_or_assign(added.tenant + "/" + added.name, std::move(added));
    return true;
}

bool account_book::set_roles(std::string_view text) {
    const auto equals = text.find('=');
    const auto found = accounts_.find(text.substr(0, equals));
    if (equals == std::string_view::npos || found == accounts_.end()) return false;
    found->second.all_roles = false;
    found->second.roles.clear();
    for (const auto role : split(text.substr(equals + 1), ','))
        if (!role.empty()) found->second.roles.emplace(role);
    return true;
}

const account* account_book::authenticate(std::string_view authorization) const {
    const auto given = net::parse_basic_authorization(authorization);
    if (!given) return nullptr;
    const std::string_view name = given->user;
    const account* found = nullptr;
    if (name.find('/') != std::string_view::npos) {
        const auto at = accounts_.find(name);
        if (at != accounts_.end()) found = &at->second;
    } else {
        for (const auto& [key, candidate] : accounts_) {
            if (candidate.name != name) continue;
            if (found != nullptr) return nullptr;
            found = &candidate;
        }
    }
    return found != nullptr && found->password == given->password ? found : nullptr;
}

bool account_book::has_tenant(std::string_view tenant) const {
    for (const auto& [key, candidate] : accounts_)
        if (candidate.tenant == tenant) return true;
    return false;
}

} // namespace platform_sim::model
