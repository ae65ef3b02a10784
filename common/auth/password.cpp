#include "common/auth/password.hpp"

#include "common/core/base64.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <charconv>

namespace auth {
namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::string_view prefix = "scrypt:";

bool random_bytes(std::string& into, std::size_t count) {
    into.resize(count);
    return RAND_bytes(reinterpret_cast<unsigned char*>(into.data()), static_cast<int>(count)) == 1;
}

/// Takes the text up to the next colon; false when there is none.
bool take_field(std::string_view& text, std::string_view& field) noexcept {
    const auto end = text.find(':');
    if (end == std::string_view::npos) return false;
    field = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
}

bool parse_number(std::string_view text, std::uint64_t& into) noexcept {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into);
    return ec == std::errc{} && end == text.data() + text.size() && !text.empty();
}

} // namespace

bool acceptable(const scrypt_parameters& parameters) noexcept {
    const auto& [n, r, p] = parameters;
    if (n < 2 || n > (1ull << 24) || (n & (n - 1)) != 0 || r < 1 || r > 64 || p < 1 || p > 64) return false;
    return 128 * n * r + 128 * r * p <= scrypt_memory_bytes_max;
}

core::result<std::string> scrypt(std::string_view password, std::string_view salt, const scrypt_parameters& with,
                                 std::size_t bytes) {
    if (!acceptable(with)) return errc::bad_password_hash;
    // OpenSSL takes a null password for a request to check the parameters only.
    const char* characters = password.empty() ? "" : password.data();
    const auto* octets = reinterpret_cast<const unsigned char*>(salt.empty() ? "" : salt.data());
    std::string key(bytes, '\0');
    const int done =
        EVP_PBE_scrypt(characters, password.size(), octets, salt.size(), with.n, with.r, with.p,
                       scrypt_memory_bytes_max * 2, reinterpret_cast<unsigned char*>(key.data()), key.size());
    if (done == 1) return key;
    ERR_clear_error();
    return errc::crypto_failed;
}

core::result<password_hash> parse_password_hash(std::string_view text) {
    if (!text.starts_with(prefix)) return errc::bad_password_hash;
    text.remove_prefix(prefix.size());
    password_hash parsed;
    std::string_view field;
    for (std::uint64_t* number : {&parsed.parameters.n, &parsed.parameters.r, &parsed.parameters.p})
        if (!take_field(text, field) || !parse_number(field, *number)) return errc::bad_password_hash;
    if (!acceptable(parsed.parameters) || !take_field(text, field)) return errc::bad_password_hash;
    if (!core::append_base64_decoded(parsed.salt, field)) return errc::bad_password_hash;
    if (!core::append_base64_decoded(parsed.hash, text)) return errc::bad_password_hash;
    if (parsed.salt.size() < 8 || parsed.salt.size() > 64) return errc::bad_password_hash;
    if (parsed.hash.size() < 16 || parsed.hash.size() > 64) return errc::bad_password_hash;
    return parsed;
}

core::result<password_hash> unmatchable_hash(const scrypt_parameters& with) {
    password_hash made{with, {}, {}};
    if (!random_bytes(made.salt, salt_bytes) || !random_bytes(made.hash, hash_bytes)) return errc::crypto_failed;
    return made;
}

bool matches(const password_hash& stored, std::string_view password) {
    const auto key = scrypt(password, stored.salt, stored.parameters, stored.hash.size());
    // HMAC fills its key up with zeros, so scrypt takes "x" and "x\0" for the same password.
    const bool ambiguous = password.find('\0') != std::string_view::npos;
    return key && equal_constant_time(*key, stored.hash) && !ambiguous;
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

core::result<std::string> hash_password(std::string_view password, const scrypt_parameters& with) {
    if (password.find('\0') != std::string_view::npos) return errc::bad_password_hash;
    std::string salt;
    if (!random_bytes(salt, salt_bytes)) return errc::crypto_failed;
    const auto key = scrypt(password, salt, with, hash_bytes);
    if (!key) return key.error();
    std::string text(prefix);
    for (const std::uint64_t number : {with.n, with.r, with.p}) text.append(std::to_string(number)).push_back(':');
    core::append_base64(text, salt);
    text.push_back(':');
    core::append_base64(text, *key);
    return text;
}

} // namespace auth
