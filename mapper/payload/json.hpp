// JSON bytes of a message to the value that expressions see. Strict (RFC 8259, valid UTF-8); limits on size and
// nesting. The value refers to this decoder's memory and lives until the next decode(). One thread.
#pragma once

#include "mapper/expression/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mapper::payload {

inline constexpr std::size_t bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t nesting_max = 64;

/// The formats this version reads; for messages and for checking `format:`.
const std::vector<std::string>& known_formats();

class json_decoder {
  public:
    /// False: error() says what is wrong and about where.
    bool decode(std::string_view bytes, expression::value& into);
    const std::string& error() const noexcept { return error_; }

  private:
    bool fail(std::string_view bytes, simdjson::error_code code);

    simdjson::dom::parser parser_{bytes_max};
    std::vector<char> padded_;
    std::string error_;
};

} // namespace mapper::payload
