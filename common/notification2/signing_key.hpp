// The RSA key that signs consumer and producer tokens (RS256, RFC 7518 §3.3). One per data directory, created at the
// first start with mode 0600. Values share one key; signing and verifying do not change it. OpenSSL stays in the .cpp.
#pragma once

#include "common/notification2/error.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace notification2 {

class signing_key {
  public:
    /// A new RSA-2048 key in memory (tens of milliseconds).
    static core::result<signing_key> generate();
    /// Errors: bad_key (not PEM, not RSA, under 2048 bits, protected by a pass phrase).
    static core::result<signing_key> from_pem(std::string_view pem);
    /// Reads the file, or creates it. Errors: file_unreadable, file_unwritable, bad_key, crypto_failed.
    static core::result<signing_key> load_or_create(const std::string& path);

    core::result<std::string> private_pem() const;
    core::result<std::string> public_pem() const;

    /// RSASSA-PKCS1-v1_5 with SHA-256 over `text`; about 0.6 ms.
    core::result<std::string> sign(std::string_view text) const;
    /// About 25 us.
    bool verify(std::string_view text, std::string_view signature) const;

  private:
    struct key;
    explicit signing_key(std::shared_ptr<const key> k) noexcept : key_(std::move(k)) {}
    std::shared_ptr<const key> key_;
};

} // namespace notification2
