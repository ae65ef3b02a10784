// One X.509 certificate as the trusted-certificates API shows it (ref F.3). Read with OpenSSL, and on purpose not with
// the programs' own reader: the stand-in judges independently of what it is used to test. Copies share the parsed form.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace platform_sim::model {

class certificate {
  public:
    /// Exactly one: Base64 of its DER form with blanks anywhere, with or without the PEM header lines.
    static std::optional<certificate> from_text(std::string_view text);
    /// One PEM block after the other, nothing between them; at least one.
    static std::optional<std::vector<certificate>> chain_from_pem(std::string_view text);

    /// SHA-1 of the DER form, 40 lower-case hexadecimal digits.
    const std::string& fingerprint() const noexcept { return fingerprint_; }
    /// `CN=Factory, O=Iot Device Factory, C=EU`
    std::string subject() const;
    std::string issuer() const;
    std::string serial_decimal() const;
    /// Lower case, without leading zeros, as in `normal_serial`.
    std::string serial_hex() const;
    /// `SHA256withRSA`, `SHA256withECDSA` …
    std::string algorithm() const;
    int version() const;
    std::int64_t not_before_ms() const;
    std::int64_t not_after_ms() const;
    /// Base64 of the DER form without line breaks and header lines.
    std::string pem_body() const;
    /// `BasicConstraints CA:true`, whatever the key usage says.
    bool has_authority_flag() const;

    bool operator==(const certificate& other) const { return fingerprint_ == other.fingerprint_; }
    x509_st* native() const noexcept { return x509_.get(); }

  private:
    certificate(std::shared_ptr<x509_st> x509, std::string_view der);

    std::shared_ptr<x509_st> x509_;
    std::string fingerprint_;
};

} // namespace platform_sim::model
