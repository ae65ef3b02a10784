// The trust anchors of each tenant and the rules by which a device's chain leads to one (ref A.4, F.3, F.4, F.5). A
// check costs one signature verification per certificate (about 0.1 ms), however many tenants and anchors there are.
#pragma once

#include "common/auth/certificate.hpp"
#include "common/auth/revocation.hpp"
#include "common/core/ids.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace auth {

inline constexpr std::size_t chain_certificates_max = 10;
/// Anchors of one name whose signature is tried for a client that names no tenant. Only anchors or leaves without key
/// identifiers need more than one try.
inline constexpr std::size_t signature_tries_max = 16;

struct trust_anchor {
    std::string name;
    certificate authority;
    bool enabled = true;
    bool auto_registration = false; ///< the original's default (ref F.3)
    std::string origin{};           ///< the file it came from, for people; empty: not from a file
    std::string fingerprint{};      ///< set by the store
    bool proven = false; ///< its owner has shown to have the key (ref F.3); decides between tenants with one anchor
};

struct device_identity {
    std::string common_name; ///< to be held against the client ID by the caller's profile
    std::string leaf_fingerprint;
    std::string anchor_name;
    std::string anchor_fingerprint;          ///< removing that anchor ends the sessions that came through it
    std::vector<certificate_number> numbers; ///< of the leaf and its signers below the anchor: revoking one does, too
    std::int64_t valid_until_s = 0;          ///< last second in which all of them and the anchor are valid
};

class trust_store {
  public:
    trust_store() = default;
    trust_store(trust_store&&) = default;
    trust_store& operator=(trust_store&&) = default;

    /// False, without effect, when the tenant has that certificate already.
    bool add(const core::tenant_id& tenant, trust_anchor anchor);
    void revoke(const core::tenant_id& tenant, const revocation_list& more);
    /// Replaces all of one tenant; anchors that are there twice count once.
    void set(const core::tenant_id& tenant, std::vector<trust_anchor> anchors, revocation_list revoked);
    void remove(const core::tenant_id& tenant);

    std::span<const trust_anchor> anchors(const core::tenant_id& tenant) const;
    const revocation_list& revoked(const core::tenant_id& tenant) const;
    std::size_t anchors_count() const noexcept;
    /// Every tenant that has this certificate as an anchor.
    std::vector<core::tenant_id> owners(const std::string& fingerprint) const;

    /// `chain` is DER, leaf first, each followed by its signer, up to and including the anchor; what follows the anchor
    /// is not looked at. A leaf alone will do if the anchor issued it. Every signer must be a v3 authority, path
    /// lengths are honoured, all must be valid at `now_s` (Unix seconds), and nothing below the anchor revoked. Errors:
    /// no_certificate, chain_too_long, bad_certificate, not_trusted, anchor_disabled, auto_registration_off,
    /// signer_not_ca, chain_order, path_too_long, not_yet_valid, certificate_expired, bad_signature, chain_refused,
    /// revoked, bad_common_name.
    core::result<device_identity> verify_chain(const core::tenant_id& tenant, std::span<const std::string> chain,
                                               std::int64_t now_s) const;

    /// The one tenant with an enabled anchor for this chain, for a client that names none; of several the one that has
    /// proven to own it, if only one has (ref F.3). Looks at names and at most `signature_tries_max` signatures, those
    /// of proven anchors first, so verify_chain comes after it. Errors: those of reading the chain, not_trusted,
    /// ambiguous_tenant.
    core::result<core::tenant_id> tenant_of(std::span<const std::string> chain) const;

    /// Whether who was let in by verify_chain may stay, as far as anchors and revocations go. Errors: not_trusted,
    /// anchor_disabled, revoked.
    core::result<void> still_trusted(const core::tenant_id& tenant, const device_identity& device) const;

    /// How many anchors were held against a chain so far: the measure of what a login costs.
    std::uint64_t examined() const noexcept { return examined_; }

  private:
    struct tenant_trust {
        std::vector<trust_anchor> anchors;
        revocation_list revoked;
    };
    using trust_map = std::unordered_map<core::tenant_id, tenant_trust>;
    /// An anchor by tenant and place among its anchors. Nodes of the map stay where they are.
    struct place {
        const trust_map::value_type* of = nullptr;
        std::size_t at = 0;
        const trust_anchor& anchor() const { return of->second.anchors[at]; }
    };
    struct match;

    match find_anchor(const tenant_trust& of, const std::vector<certificate>& chain) const;
    std::vector<place> candidates(const std::vector<certificate>& chain) const;

    trust_map by_tenant_;
    /// Three keys an anchor: its fingerprint, its name with its key identifier, its name alone.
    std::unordered_multimap<std::string, place> index_;
    mutable std::uint64_t examined_ = 0;
};

} // namespace auth
