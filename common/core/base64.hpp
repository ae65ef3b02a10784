// Base64 of RFC 4648: the standard alphabet with padding (text frames) and the URL alphabet without (tokens).
// Strict both ways: no line breaks, padding exactly where it belongs, unused bits zero, so every byte string has
// exactly one text. Table-driven; appends to strings the caller keeps, so a warm buffer costs no allocation. No
// threads, no throw.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace core {

/// Length of the padded text of `bytes` bytes (RFC 4648 §4).
constexpr std::size_t base64_length(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }
/// Most bytes that `characters` characters can stand for; for limits before decoding.
constexpr std::size_t base64_bytes_max(std::size_t characters) noexcept {
    return characters / 4 * 3 + characters % 4 * 3 / 4;
}

/// Standard alphabet, padded (RFC 4648 §4).
void append_base64(std::string& out, std::string_view bytes);
std::string base64_encode(std::string_view bytes);
/// Appends the bytes; on bad input returns false and leaves `out` as it was.
[[nodiscard]] bool append_base64_decoded(std::string& out, std::string_view text);
std::optional<std::string> base64_decode(std::string_view text);

/// URL alphabet, no padding (RFC 4648 §5, as RFC 7515 uses it).
void append_base64url(std::string& out, std::string_view bytes);
std::string base64url_encode(std::string_view bytes);
[[nodiscard]] bool append_base64url_decoded(std::string& out, std::string_view text);
std::optional<std::string> base64url_decode(std::string_view text);

} // namespace core
