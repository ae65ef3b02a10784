// CRC32C (Castagnoli), as of RFC 3720 §12.1: the checksum of everything the store writes.
#pragma once

#include "common/core/bytes.hpp"

namespace messaging::store {

/// Goes on from `crc`, the value returned for the bytes before; 0 to begin. Uses the CPU's instruction where it has
/// one.
std::uint32_t crc32c(core::byte_span bytes, std::uint32_t crc = 0) noexcept;
/// The same by tables; what crc32c() falls back to.
std::uint32_t crc32c_by_table(core::byte_span bytes, std::uint32_t crc = 0) noexcept;

} // namespace messaging::store
