// UTF-8 text as JSONata sees it: counted in code points, ordered as UTF-16, upper and lower case by Unicode. Input is
// valid UTF-8 (the payload decoder and the lexer see to that). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mapper::expression {

std::size_t code_point_count(std::string_view text) noexcept;
/// Byte offset of the code point number `index`, or the size when there are fewer.
std::size_t code_point_offset(std::string_view text, std::size_t index) noexcept;
/// Reads the code point at `at` and moves past it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept;
void append_code_point(std::string& out, std::uint32_t code_point);
bool valid_utf8(std::string_view text) noexcept;

/// Negative, zero or positive, as JavaScript compares (by UTF-16 code unit).
int compare_utf16(std::string_view a, std::string_view b) noexcept;
/// Linear in the size of both, whatever they hold.
std::size_t find_text(std::string_view in, std::string_view what, std::size_t from) noexcept;

/// False when a letter belongs to an alphabet whose case rules are not known here (Latin, Greek, Cyrillic are).
bool append_upper(std::string& out, std::string_view text);
bool append_lower(std::string& out, std::string_view text);
/// Runs of blanks become one; none at the ends.
void append_trimmed(std::string& out, std::string_view text);

/// False when a character lies beyond U+00FF.
bool append_base64(std::string& out, std::string_view text);
/// False when `text` is not Base64 (padding may be missing; the URL alphabet is accepted).
bool append_base64_decoded(std::string& out, std::string_view text);

} // namespace mapper::expression
