// Certificates for tests, made with OpenSSL itself: P-256 keys, every rule breakable on purpose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;

namespace make {

inline constexpr std::int64_t now_s = 1'767'225'600; // 2026-01-01

struct options {
    std::string common_name;
    std::string second_common_name;
    bool authority = false;
    bool basic_constraints = true; ///< for authorities
    int path_length = -1;
    std::int64_t from_s = now_s - 86'400;
    std::int64_t to_s = now_s + 86'400;
    bool sign_right = true; ///< key usage of authorities
    bool sha1 = false;
    int version = 3;
    bool key_identifiers = false; ///< RFC 5280 §4.2.1.1 and §4.2.1.2, as OpenSSL's tools write them
};

struct issued {
    std::string der;
    std::string pem;
    std::shared_ptr<evp_pkey_st> key;
};

/// Signed by `signer`, or by itself.
issued certificate(const options& with, const issued* signer = nullptr);

/// A CRL of that authority in DER, or in PEM.
std::string revocation_list(const issued& authority, const std::vector<std::string>& serials_hex, bool pem = false);

struct directory {
    std::string path;
    directory();
    ~directory();
    std::string write(const std::string& name, const std::string& content) const;
};

} // namespace make
