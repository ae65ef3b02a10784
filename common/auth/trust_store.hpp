// The trust anchors of each tenant and the rules by which a device's chain leads to one (ref A.4, F.3, F.4). Filled
// once, then only asked; a reload makes a new one. A check costs one signature verification per certificate (about 0.1
// ms).
#pragma once

#include "common/auth/certificate.hpp"
#include "common/core/ids.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace auth {

inline constexpr std::size_t chain_certificates_max = 10;

struct trust_anchor {
    std::string name;
    certificate authority;
    bool enabled = true;
    bool auto_registration = false; ///< the original's default (ref F.3)
};

struct device_identity {
    std::string common_name; ///< to be held against the client ID by the caller's profile
    std::string anchor_name;
    std::string anchor_fingerprint; ///< removing that anchor ends the sessions that came through it
};

class trust_store {
  public:
    /// False, without effect, when the tenant has that certificate already.
    bool add(const core::tenant_id& tenant, trust_anchor anchor);
    std::span<const trust_anchor> anchors(const core::tenant_id& tenant) const;

    /// `chain` is DER, leaf first, each followed by its signer, up to and including the anchor; what follows the anchor
    /// is not looked at. A leaf alone will do if the anchor issued it. Every signer must be a v3 authority, path
    /// lengths are honoured, all must be valid at `now_s` (Unix seconds). Errors: no_certificate, chain_too_long,
    /// bad_certificate, not_trusted, anchor_disabled, auto_registration_off, signer_not_ca, chain_order, path_too_long,
    /// not_yet_valid, certificate_expired, bad_signature, chain_refused, bad_common_name.
    core::result<device_identity> verify_chain(const core::tenant_id& tenant, std::span<const std::string> chain,
                                               std::int64_t now_s) const;

    /// The one tenant with an enabled anchor for this chain, for a client that names none. Looks at names only, so
    /// verify_chain comes after it. Errors: those of reading the chain, not_trusted, ambiguous_tenant. Asks every
    /// tenant: linear in the number of anchors.
    core::result<core::tenant_id> tenant_of(std::span<const std::string> chain) const;

  private:
    std::unordered_map<core::tenant_id, std::vector<trust_anchor>> by_tenant_;
};

} // namespace auth
