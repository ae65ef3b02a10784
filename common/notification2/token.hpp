// The JSON Web Token that admits a producer or consumer connection (ref C.4; RFC 7519, RFC 7515), signed with RS256.
//   {"sub":"mapper1","topic":"t0815/mqtt/plant%2Fline1","jti":"…","iat":…,"exp":…,"shared":"true","volatile":"true"}
// Some clients decode the payload part with the standard Base64 alphabet. It reads the same in both alphabets, because
// only the characters `>`, `?`, `~`, DEL and those beyond ASCII can give `-` or `_`, and these are written as JSON
// escapes.
#pragma once

#include "common/notification2/error.hpp"
#include "common/notification2/signing_key.hpp"
#include "common/notification2/token_topic.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace notification2 {

/// Longer tokens are refused unread.
inline constexpr std::size_t token_bytes_max = 16 * 1024;

struct token_claims {
    std::string subscriber; ///< `sub`
    token_topic topic;
    std::string id; ///< `jti`; empty when issuing: a random UUID is put in
    std::int64_t issued_at_s = 0;
    std::int64_t expires_at_s = 0;
    bool shared = false;      ///< the claim is the text "true"; absent when false
    bool is_volatile = false; ///< claim `volatile`: nonPersistent; likewise

    bool operator==(const token_claims&) const = default;
};

/// The claims as one JSON object: the payload of a token, also the answer of `GET /notification2/token` (ref C.3).
/// Pure ASCII.
std::string claims_json(const token_claims& claims);

/// Errors: crypto_failed; bad_claims (the token would be longer than token_bytes_max).
core::result<std::string> issue_token(token_claims claims, const signing_key& key);

/// Looks at form, algorithm, signature and claims, in this order; not at the time. Errors: malformed_token,
/// wrong_algorithm, wrong_signature, bad_claims, bad_topic_claim.
core::result<token_claims> open_token(std::string_view token, const signing_key& key);

} // namespace notification2
