// One X.509 certificate as a value; copies share the parsed form. OpenSSL stays in the .cpp files of this folder.
#pragma once

#include "common/auth/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace auth {

class certificate {
  public:
    /// Exactly one certificate in DER, nothing after it. Error: bad_certificate.
    static core::result<certificate> from_der(std::string_view der);
    /// All certificates of a PEM text, at least one; other PEM blocks are passed over. Error: bad_certificate.
    static core::result<std::vector<certificate>> from_pem(std::string_view pem);

    /// X.509 v3 with `BasicConstraints CA:TRUE` and, when key usage is stated, the right to sign certificates.
    bool is_authority() const;
    /// UTF-8. Error: bad_common_name (none, several, empty, NUL inside).
    core::result<std::string> common_name() const;
    /// SHA-1 of the DER form, 40 lower-case hexadecimal digits (ref F.3).
    std::string fingerprint() const;
    /// Seconds since 1970; the last second in which it is valid.
    std::int64_t not_after_s() const;
    bool operator==(const certificate& other) const;

    x509_st* native() const noexcept { return x509_.get(); }

  private:
    explicit certificate(std::shared_ptr<x509_st> x509) noexcept : x509_(std::move(x509)) {}
    std::shared_ptr<x509_st> x509_;
};

} // namespace auth
