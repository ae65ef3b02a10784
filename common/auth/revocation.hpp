// Certificates that must not be let in although their chain is right: the offline list of ref F.5, from CRL files (RFC
// 5280 §5) or as plain serial numbers. A value; filled once, then only asked.
#pragma once

#include "common/auth/certificate.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace auth {

/// Whose serial numbers a CRL names.
enum class revocation_scope {
    issuer, ///< those of the CRL's issuer, as RFC 5280 says
    tenant, ///< those of every authority of the tenant: the platform's list holds serial numbers alone (ref F.5)
};

class revocation_list {
  public:
    /// A serial number in hexadecimal, whoever issued it. False when it is none.
    bool add_serial(std::string_view hex);
    /// One CRL in DER, or one or more in PEM; returns the number of its entries. Signatures and dates are not looked
    /// at: who gives us the list vouches for it, and an old list still revokes. Error: bad_revocation_list, and then
    /// nothing was added.
    core::result<std::size_t> add_crl(std::string_view bytes, revocation_scope scope);
    void add(const revocation_list& other);

    bool contains(const certificate_number& number) const;
    std::size_t size() const noexcept { return serials_.size() + numbers_.size(); }
    bool operator==(const revocation_list&) const = default;

  private:
    std::unordered_set<std::string> serials_; ///< whoever issued them
    std::unordered_set<std::string> numbers_; ///< issuer's hash, colon, serial
};

} // namespace auth
