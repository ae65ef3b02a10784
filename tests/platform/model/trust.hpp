// The trusted certificates of all tenants, and the rules by which a device's chain leads to one (ref F.3, F.4).
#pragma once

#include "tests/platform/model/certificate.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace platform_sim::model {

struct trusted_certificate {
    std::string tenant;
    certificate x509;
    std::string name;
    bool enabled = true;
    bool auto_registration = false;
};

class trust_book {
  public:
    /// False when any tenant has that certificate already: anchors are unique over the platform.
    bool add(trusted_certificate added);
    bool contains(std::string_view fingerprint) const { return by_fingerprint_.contains(fingerprint); }
    /// Null when that tenant has none such.
    trusted_certificate* find(std::string_view tenant, std::string_view fingerprint);
    const trusted_certificate* find(std::string_view tenant, std::string_view fingerprint) const;
    bool remove(std::string_view tenant, std::string_view fingerprint);
    /// In the sequence of their upload.
    std::vector<const trusted_certificate*> of(std::string_view tenant) const;
    void clear();

    /// The tenant whose anchor is in the chain, or issued the leaf that came alone; empty when there is none.
    std::string tenant_of(const std::vector<certificate>& chain) const;
    /// Empty when `chain` (leaf first, each followed by its signer, up to and including an enabled anchor of the
    /// tenant, or a leaf alone that such an anchor issued) holds at that time; otherwise the reason.
    std::string verify(std::string_view tenant, const std::vector<certificate>& chain, std::int64_t now_s) const;

  private:
    const trusted_certificate* issuer_of(const certificate& leaf, std::string_view tenant) const;

    std::map<std::string, trusted_certificate, std::less<>> by_fingerprint_;
    std::map<std::string, std::vector<std::string>, std::less<>> uploaded_; ///< fingerprints by tenant
};

} // namespace platform_sim::model
