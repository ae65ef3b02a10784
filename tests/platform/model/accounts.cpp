#include "tests/platform/model/accounts.hpp"

#include "common/net/encoding.hpp"
#include "tests/platform/model/text.hpp"

namespace platform_sim::model {

bool account_book::add(std::string_view text) {
    const auto colon = text.find(':');
    const auto slash = text.find('/');
    if (colon == std::string_view::npos || slash == std::string_view::npos || slash > colon) return false;
    const std::string tenant(text.substr(0, slash));
    const std::string name(text.substr(slash + 1, colon - slash - 1));
    const auto password = text.substr(colon + 1);
    if (tenant.empty() || name.empty() || password.empty()) return false;
    (void)put(tenant, name, std::string(password));
    return true;
}

bool account_book::put(const std::string& tenant, const std::string& name, std::string password) {
    account& one = accounts_[tenant + "/" + name];
    one.password = std::move(password);
    if (!one.name.empty()) return false;
    one.tenant = tenant;
    one.name = name;
    one.all_roles = name == "admin" || one.is_service();
    if (!one.all_roles) one.roles = {"ROLE_INVENTORY_CREATE", "ROLE_IDENTITY_READ"};
    return true;
}

void account_book::add_bootstrap(std::string password) {
    (void)put("management", "devicebootstrap", std::move(password));
    accounts_.find("management/devicebootstrap")->second.roles = {"ROLE_DEVICE_BOOTSTRAP"};
}

bool account_book::set_roles(std::string_view tenant, std::string_view name, std::set<std::string, std::less<>> roles) {
    const auto found = accounts_.find(std::string(tenant) + "/" + std::string(name));
    if (found == accounts_.end()) return false;
    found->second.all_roles = false;
    found->second.roles = std::move(roles);
    return true;
}

bool account_book::remove(std::string_view tenant, std::string_view name) {
    return accounts_.erase(std::string(tenant) + "/" + std::string(name)) == 1;
}

const account* account_book::find(std::string_view tenant, std::string_view name) const {
    const auto found = accounts_.find(std::string(tenant) + "/" + std::string(name));
    return found == accounts_.end() ? nullptr : &found->second;
}

bool account_book::set_roles(std::string_view text) {
    const auto equals = text.find('=');
    const auto found = accounts_.find(text.substr(0, equals));
    if (equals == std::string_view::npos || found == accounts_.end()) return false;
    std::set<std::string, std::less<>> roles;
    for (const auto role : split(text.substr(equals + 1), ','))
        if (!role.empty()) roles.emplace(role);
    return set_roles(found->second.tenant, found->second.name, std::move(roles));
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
    const auto first = accounts_.lower_bound(std::string(tenant) + "/");
    return first != accounts_.end() && first->second.tenant == tenant;
}

} // namespace platform_sim::model
