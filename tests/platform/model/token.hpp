// Tokens of Notifications 2.0 (ref C.3, C.4): JWTs signed with a key that lives as long as the process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace platform_sim::model {

struct token_claims {
    std::string subscriber;
    std::string tenant;
    std::string subscription;
    std::string identifier; ///< `jti`
    std::int64_t issued_s = 0;
    std::int64_t expires_s = 0;
    bool shared = false;
    bool non_persistent = false;

    /// As JSON with the names of ref C.4; flags are texts and absent when false.
    std::string json() const;
};

class token_book {
  public:
    token_book();
    ~token_book();

    /// RS256; the key is made at the first call. `jti` is set here.
    std::string issue(token_claims claims, bool is_signed);
    /// Nothing for a token that is broken, not ours or expired. Unsigned ones count only when issued here.
    std::optional<token_claims> verify(std::string_view token, std::int64_t now_s) const;

  private:
    struct key;
    std::unique_ptr<key> key_;
    std::set<std::string, std::less<>> unsigned_;
    std::uint64_t issued_count_ = 0;
};

} // namespace platform_sim::model
