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

    bool has(std::string_view role) const { return all_roles || roles.contains(role); }
};

class account_book {
  public:
    /// `tenant/user:password`. A user called `admin` or `service_…` has every role, any other one those a device has:
    /// it may create managed objects and otherwise acts on what it owns. False when the text is not of that form.
    bool add(std::string_view text);
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
