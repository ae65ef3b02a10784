// tenants.yaml: who may log in, with which password, roles and trust anchors. Read whole or not at all.
//
//   tenants:
//     t0815:
//       profile: preview                                # optional: preview or ga (tenant_options.hpp)
//       switches: { wildcards: true }                   # optional: single switches of the profile
//       limits: { connections: 1000 }                   # optional: limits of the MQTT side
//       store: { ttl: 36h }                             # optional: limits of the store
//       users:
//         device1: { password: "scrypt:16384:8:1:<salt>:<hash>", roles: [] }
//         demo:    { password: { plain: secret } }      # demonstrations only; the log warns
//       trust_anchors:
//         - { name: plant-ca, file: ca.pem, enabled: true, auto_registration: true }
//       crl: revoked.pem                                # optional: CRLs in PEM or DER, or serial numbers:
//       # crl: [ "0b:8a:5b:9d" ]                        # hexadecimal, whichever authority gave them
//
// Files are named relative to the YAML file. `${NAME}` in values is taken from the environment.
#pragma once

#include "common/auth/password.hpp"
#include "common/auth/tenant_options.hpp"
#include "common/auth/trust_store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace auth {

struct user_entry {
    std::optional<password_hash> hash; ///< absent: `plain` holds the password as it is
    std::string plain;
    std::vector<std::string> roles;
};

struct tenant_entry {
    tenant_options options;
    std::unordered_map<std::string, user_entry> users;
};

/// Immutable once loaded; shared with the worker that checks passwords.
struct tenant_directory {
    std::unordered_map<core::tenant_id, tenant_entry> tenants;
    trust_store trust;
    /// Checked for users that do not exist and for plain passwords, at the highest cost of any user, so that the time
    /// does not tell who exists. Users with cheaper hashes than others answer faster: hash all at one cost.
    password_hash dummy;
    std::vector<std::string> files; ///< the YAML file, every file it names, the managed ones and their folders
};

struct loaded_tenants {
    std::shared_ptr<const tenant_directory> directory; ///< null exactly when there are complaints
    std::string complaints;                            ///< one a line, with file, line and key
    std::vector<std::string> files;                    ///< that were looked at, also those that have the mistakes
};

/// Whether anchors and revocations are read: who judges no certificates needs none of their files.
enum class trust_reading : bool { left_out, included };

loaded_tenants load_tenants(const std::string& path, trust_reading trust = trust_reading::included);

} // namespace auth
