#include "common/auth/password.hpp"

#include "common/core/base64.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

namespace {

std::string hex(const std::string& bytes) {
    std::string out;
    for (const unsigned char byte : bytes) {
        out.push_back("0123456789abcdef"[byte >> 4]);
        out.push_back("0123456789abcdef"[byte & 15]);
    }
    return out;
}

} // namespace

TEST_CASE("scrypt: the vectors of RFC 7914 section 12", "[auth][RFC7914]") {
    CHECK(hex(auth::scrypt("", "", {16, 1, 1}, 64).value()) ==
          "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
          "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    CHECK(hex(auth::scrypt("password", "NaCl", {1024, 8, 16}, 64).value()) ==
          "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
          "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
    CHECK(hex(auth::scrypt("pleaseletmein", "SodiumChloride", {16384, 8, 1}, 64).value()) ==
          "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
          "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST_CASE("password hash: made, read and matched", "[auth]") {
    const auth::scrypt_parameters cheap{16, 8, 1};
    const auto text = auth::hash_password("device1-secret", cheap).value();
    CHECK(text.starts_with("scrypt:16:8:1:"));
    const auto hash = auth::parse_password_hash(text).value();
    CHECK(auth::matches(hash, "device1-secret"));
    CHECK_FALSE(auth::matches(hash, "device1-secreu"));
    CHECK_FALSE(auth::matches(hash, ""));
    CHECK_FALSE(auth::matches(hash, std::string("device1-secret\0", 15)));
    CHECK(auth::hash_password(std::string("x\0", 2), cheap).error() == auth::errc::bad_password_hash);
    CHECK(auth::hash_password("device1-secret", cheap).value() != text);
    CHECK(auth::matches(auth::parse_password_hash(auth::hash_password("", cheap).value()).value(), ""));
    CHECK_FALSE(auth::matches(auth::unmatchable_hash(cheap).value(), ""));
    CHECK(auth::hash_password("x").value().starts_with("scrypt:16384:8:1:"));
}

TEST_CASE("password hash: wrong forms and dangerous costs are refused", "[auth]") {
    const std::string salt = core::base64_encode("12345678");
    const std::string hash = core::base64_encode("1234567890123456");
    CHECK(auth::parse_password_hash("scrypt:16:8:1:" + salt + ":" + hash));
    for (const auto& text :
         {std::string("secret"), std::string(), "scrypt:16:8:1:" + salt, "scrypt:16:8:1:" + salt + ":",
          "SCRYPT:16:8:1:" + salt + ":" + hash, "scrypt:15:8:1:" + salt + ":" + hash,
          "scrypt:0:8:1:" + salt + ":" + hash, "scrypt:1:8:1:" + salt + ":" + hash,
          "scrypt:16:0:1:" + salt + ":" + hash, "scrypt:16:8:0:" + salt + ":" + hash,
          "scrypt:16777216:8:1:" + salt + ":" + hash, "scrypt:18446744073709551616:8:1:" + salt + ":" + hash,
          "scrypt:16:65:1:" + salt + ":" + hash, "scrypt:16:8:65:" + salt + ":" + hash,
          "scrypt: 16:8:1:" + salt + ":" + hash, "scrypt:16:8:1:" + core::base64_encode("1234567") + ":" + hash,
          "scrypt:16:8:1:" + salt + ":" + core::base64_encode("123456789012345"),
          "scrypt:16:8:1:" + salt + ":" + hash + "\n", "scrypt:16:8:1:" + salt + ":" + hash + ":"}) {
        INFO(text);
        CHECK(auth::parse_password_hash(text).error() == auth::errc::bad_password_hash);
    }
    CHECK(auth::scrypt("x", "y", {1u << 22, 8, 1}, 32).error() == auth::errc::bad_password_hash);
}
