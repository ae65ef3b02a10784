// The token a broker, mapper or application shows on the link (design §5, "Who may"):
//   l1.<claims, JSON in Base64url>.<HMAC-SHA256 over the text before the second dot, Base64url>
// Both ends hold the secret: one text file, mode 0600, made by messaging at its first start and given to the others.
#pragma once

#include "common/auth/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace auth {

enum class link_role { broker, mapper, application };

std::string_view to_text(link_role role) noexcept;
/// False for anything but `broker`, `mapper`, `application`; leaves `into` alone then.
bool parse_link_role(std::string_view text, link_role& into) noexcept;

struct link_claims {
    link_role role = link_role::application;
    std::vector<std::string> tenants; ///< `*` alone, or tenant IDs
    std::int64_t issued_at_s = 0;     ///< 0: not stated
    std::int64_t expires_at_s = 0;    ///< 0: never

    bool allows(std::string_view tenant) const noexcept;
    bool operator==(const link_claims&) const = default;
};

/// `*` or a comma-separated list; empty when the text is neither (an empty item, `*` among others).
std::vector<std::string> parse_tenant_list(std::string_view text);

class link_secret {
  public:
    /// Blanks and line ends around it do not count. Error: bad_secret (under 16 characters).
    static core::result<link_secret> from_text(std::string_view text);
    /// Errors: bad_secret, and those of notification2 for files.
    static core::result<link_secret> load(const std::string& path);
    /// As load; a missing file is created with 32 random bytes in hexadecimal, mode 0600.
    static core::result<link_secret> load_or_create(const std::string& path);

    /// HMAC-SHA256, 32 bytes; empty when the library fails.
    std::string sign(std::string_view text) const;

  private:
    explicit link_secret(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

/// Errors: bad_claims (no tenant, an empty one, `*` among others), crypto_failed.
core::result<std::string> mint_link_token(const link_claims& claims, const link_secret& secret);
/// Compares in constant time before anything is parsed. Errors: malformed_token, wrong_signature, bad_claims,
/// token_expired.
core::result<link_claims> verify_link_token(std::string_view token, const link_secret& secret, std::int64_t now_s);

} // namespace auth
