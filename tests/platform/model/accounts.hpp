// Users of the stand-in: name, password and roles per tenant. Passwords are plain, this is a test program.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace platform_sim::model {

struct account {
    std::string tenant;
    std::string name;
    std::string password;
    std::set<std::string, std::less<>> roles;
    bool all_roles = false;

    /// The bootstrap role is nobody's but the bootstrap user's.
    bool has(std::string_view role) const {
        return (all_roles && role != "ROLE_DEVICE_BOOTSTRAP") || roles.contains(role);
    }
    /// What a microservice acts as: `service_<microservice>`.
    bool is_service() const { return name.starts_with("service_"); }
    bool is_management() const { return tenant == "management"; }
};

class account_book {
  public:
    /// `tenant/user:password`. A user called `admin` or `service_…` has every role, any other one those a device has:
    /// it may create managed objects and otherwise acts on what it owns. False when the text is not of that form.
    bool add(std::string_view text);
    /// `management/devicebootstrap`, whose only right is to ask for device credentials (ref F.1).
    void add_bootstrap(std::string password);
    /// Adds the user, or changes the password of one that is there and keeps its roles. The names are not empty;
    /// neither has a `/`, the tenant has no `:`. False when it was there.
    bool put(const std::string& tenant, const std::string& name, std::string password);
    /// False for an unknown user.
    bool set_roles(std::string_view tenant, std::string_view name, std::set<std::string, std::less<>> roles);
    bool remove(std::string_view tenant, std::string_view name);
    const account* find(std::string_view tenant, std::string_view name) const;
    /// `tenant/user=ROLE_A,ROLE_B`: exactly these roles. False for an unknown user or a wrong form.
    bool set_roles(std::string_view text);
    /// The account of `Basic base64(tenant/user:password)`; null when header, user or password are wrong. Without a
    /// tenant the user must be unique among all tenants, as the host's sub-domain is not looked at.
    const account* authenticate(std::string_view authorization) const;
    const std::map<std::string, account, std::less<>>& all() const noexcept { return accounts_; }
    bool has_tenant(std::string_view tenant) const;

  private:
    std::map<std::string, account, std::less<>> accounts_; ///< by `tenant/user`
};

} // namespace platform_sim::model
