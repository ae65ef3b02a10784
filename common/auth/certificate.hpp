// One X.509 certificate as a value; copies share the parsed form. OpenSSL stays in the .cpp files of this folder.
#pragma once

#include "common/auth/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;
struct asn1_string_st;

namespace auth {

/// Tells one certificate from all others (RFC 5280 §4.1.2.2): who issued it, and the number it got there.
struct certificate_number {
    std::uint32_t issuer = 0; ///< hash of the issuer's name; two authorities share one by accident of 1 in 2^32
    std::string serial;       ///< lower-case hexadecimal without leading zeros

    bool operator==(const certificate_number&) const = default;
};

/// The common form of a serial number in hexadecimal: blanks, colons, leading zeros and case do not matter. Empty when
/// it is none.
std::string serial_from_hex(std::string_view text);
/// The same form of an ASN.1 INTEGER.
std::string serial_text(const asn1_string_st* serial);

class certificate {
  public:
    /// Exactly one certificate in DER, nothing after it. Error: bad_certificate.
    static core::result<certificate> from_der(std::string_view der);
    /// All certificates of a PEM text, at least one; other PEM blocks are passed over. Error: bad_certificate.
    static core::result<std::vector<certificate>> from_pem(std::string_view pem);
    /// With its header lines and a last line feed.
    std::string pem() const;

    /// X.509 v3 with `BasicConstraints CA:TRUE` and, when key usage is stated, the right to sign certificates.
    bool is_authority() const;
    /// UTF-8. Error: bad_common_name (none, several, empty, NUL inside).
    core::result<std::string> common_name() const;
    /// SHA-1 of the DER form, 40 lower-case hexadecimal digits (ref F.3).
    std::string fingerprint() const;
    /// Seconds since 1970: the first and the last second in which it is valid.
    std::int64_t not_before_s() const;
    std::int64_t not_after_s() const;
    /// `CN=plant-ca, O=Acme`, for people.
    std::string subject() const;
    std::uint32_t subject_hash() const;
    certificate_number number() const;
    /// Raw bytes of the subject's and the issuer's key identifiers (RFC 5280 §4.2.1.1, §4.2.1.2); empty without one.
    std::string key_identifier() const;
    std::string issuer_key_identifier() const;
    bool operator==(const certificate& other) const;

    x509_st* native() const noexcept { return x509_.get(); }

  private:
    explicit certificate(std::shared_ptr<x509_st> x509) noexcept : x509_(std::move(x509)) {}
    std::shared_ptr<x509_st> x509_;
};

} // namespace auth
