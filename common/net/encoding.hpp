// Text encodings of HTTP: percent (RFC 3986), Base64 (RFC 4648, both alphabets, strict), basic authentication (RFC
// 7617).
#pragma once

#include "common/core/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace net {

/// Everything but letters, digits and `-._~` becomes %XX: safe as one path segment or one query value.
std::string percent_encode(std::string_view text);
/// Empty for a % without two hexadecimal digits. `plus_is_blank` as in query strings.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

/// standard: `+/` with padding; url: `-_` without padding, as in JWT.
enum class base64_alphabet { standard, url };

std::string base64_encode(core::byte_span bytes, base64_alphabet alphabet = base64_alphabet::standard);
/// Strict: exact padding as the alphabet demands, no blanks, no stray bits in the last character; otherwise empty.
std::optional<std::string> base64_decode(std::string_view text, base64_alphabet alphabet = base64_alphabet::standard);

struct basic_credentials {
    std::string user;
    std::string password;
};

/// The value of an Authorization header; the user ends at the first colon.
std::optional<basic_credentials> parse_basic_authorization(std::string_view header);
std::string basic_authorization(std::string_view user, std::string_view password);

} // namespace net
