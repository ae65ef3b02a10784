// Password hashes: `scrypt:N:r:p:<salt>:<hash>`, salt and hash in standard Base64 (scrypt: RFC 7914). Costly on
// purpose, 16 MiB and tens of milliseconds with the defaults: never on the loop's thread.
#pragma once

#include "common/auth/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace auth {

struct scrypt_parameters {
    std::uint64_t n = 16384; ///< cost: a power of two
    std::uint64_t r = 8;     ///< block size
    std::uint64_t p = 1;     ///< parallelisation

    bool operator==(const scrypt_parameters&) const = default;
};

/// A hash that would need more memory is refused when it is read, so that a file cannot exhaust the process.
inline constexpr std::uint64_t scrypt_memory_bytes_max = 256ull * 1024 * 1024;

/// Within 1 < N power of two, r and p 1..64, and the memory limit.
bool acceptable(const scrypt_parameters& parameters) noexcept;

/// RFC 7914 §6. Errors: bad_password_hash (parameters), crypto_failed.
core::result<std::string> scrypt(std::string_view password, std::string_view salt, const scrypt_parameters& with,
                                 std::size_t bytes);

struct password_hash {
    scrypt_parameters parameters;
    std::string salt; ///< 8 to 64 bytes
    std::string hash; ///< 16 to 64 bytes
};

/// Error: bad_password_hash.
core::result<password_hash> parse_password_hash(std::string_view text);
/// A hash nothing matches, at the given cost: what an unknown user is checked against.
core::result<password_hash> unmatchable_hash(const scrypt_parameters& with);

/// Compares in constant time. False also when hashing fails, and for a password with NUL in it (scrypt would take "x\0"
/// for "x").
bool matches(const password_hash& stored, std::string_view password);
/// Compares two texts in a time that depends on their lengths only.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

/// A new hash with a random salt of 16 bytes, for tenants.yaml. Errors: bad_password_hash (parameters, NUL in the
/// password), crypto_failed.
core::result<std::string> hash_password(std::string_view password, const scrypt_parameters& with = {});

} // namespace auth
