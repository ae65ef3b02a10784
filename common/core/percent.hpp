// Percent-encoding of URL parts (RFC 3986 §2.1). Everything but the unreserved characters is encoded, so the result is
// one path segment, one query value, or one part of a token's topic claim. No threads, no throw.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace core {

/// Keeps letters, digits and `-._~`; every other byte becomes `%XX` with capital digits.
void append_percent_encoded(std::string& out, std::string_view text);
std::string percent_encode(std::string_view text);

/// Strict: a `%` without two hexadecimal digits gives nothing. `+` stays `+`. The result may hold any byte, NUL
/// included: whoever uses it as a name checks it as a name.
std::optional<std::string> percent_decode(std::string_view text);

/// True when `text` holds an escape and is what encoding its decoded form gives (digits of either case).
bool is_percent_encoded(std::string_view text);

} // namespace core
