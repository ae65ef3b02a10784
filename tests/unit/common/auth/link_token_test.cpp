#include "common/auth/link_token.hpp"

#include "common/core/base64.hpp"
#include "common/notification2/error.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace auth;
using namespace std::string_literals;

namespace {

const link_secret& secret() {
    static const link_secret made = link_secret::from_text("0123456789abcdef").value();
    return made;
}

std::string with_payload(std::string_view json) {
    std::string token = "l1." + core::base64url_encode(json);
    return token + "." + core::base64url_encode(secret().sign(token));
}

core::error_code refusal(std::string_view token, std::int64_t now_s = 0) {
    const auto claims = verify_link_token(token, secret(), now_s);
    return claims ? core::error_code{} : claims.error();
}

} // namespace

TEST_CASE("link token: roles and tenants come back", "[auth][link_token]") {
    link_claims claims;
    claims.role = link_role::broker;
    claims.tenants = {"*"};
    CHECK(verify_link_token(mint_link_token(claims, secret()).value(), secret(), 0).value() == claims);
    claims.role = link_role::mapper;
    claims.tenants = {"t1", "t2"};
    claims.issued_at_s = 100;
    claims.expires_at_s = 200;
    const auto token = mint_link_token(claims, secret()).value();
    CHECK(verify_link_token(token, secret(), 199).value() == claims);
    CHECK(refusal(token, 200) == errc::token_expired);
    CHECK(claims.allows("t1"));
    CHECK_FALSE(claims.allows("t3"));
    CHECK_FALSE(claims.allows("*"));
    claims.tenants = {"*"};
    CHECK(claims.allows("t3"));
}

TEST_CASE("link token: the signature is HMAC-SHA256", "[auth][link_token]") {
    // Computed with `openssl dgst -sha256 -hmac 0123456789abcdef` over "what do ya want for nothing?".
    CHECK(core::base64url_encode(secret().sign("what do ya want for nothing?")) ==
          "6SZdwb8Y1Ow2kV2egiJsfqD6Tn-Ad_YRUVvV4p7JmIw");
    CHECK(secret().sign("a") != secret().sign("b"));
    CHECK(secret().sign("a") != link_secret::from_text("0123456789abcdeg").value().sign("a"));
}

TEST_CASE("link token: hostile ones are refused by name", "[auth][link_token]") {
    const auto good = with_payload(R"({"role":"broker","tenants":["*"]})");
    CHECK_FALSE(refusal(good));
    CHECK(verify_link_token(good, link_secret::from_text("another secret of ours").value(), 0).error() ==
          errc::wrong_signature);
    for (const auto& token : {""s, "l1."s, "l1.."s.substr(0, 3), "l2."s + good.substr(3), good + "=", good + ".",
                              good + "\0"s, good + "A", std::string(20'000, 'a')}) {
        INFO(token);
        CHECK((refusal(token) == errc::malformed_token || refusal(token) == errc::wrong_signature));
    }
    CHECK(refusal("l1..") == errc::wrong_signature);
    CHECK(refusal(good.substr(0, good.rfind('.') + 1)) == errc::wrong_signature);
    for (const auto* json :
         {"", "[]", "{}", R"({"role":"broker"})", R"({"role":"root","tenants":["*"]})",
          R"({"role":"broker","tenants":[]})", R"({"role":"broker","tenants":"*"})",
          R"({"role":"broker","tenants":[""]})", R"({"role":"broker","tenants":["*","t1"]})",
          R"({"role":"broker","tenants":[1]})", R"({"role":"broker","tenants":["*"],"exp":"never"})",
          R"({"role":"broker","tenants":["*"],"exp":0})", R"({"role":"broker","tenants":["*"],"exp":-1})"}) {
        INFO(json);
        CHECK(refusal(with_payload(json)) == errc::bad_claims);
    }
}

TEST_CASE("link token: what must not be minted", "[auth][link_token]") {
    link_claims claims;
    CHECK(mint_link_token(claims, secret()).error() == errc::bad_claims);
    claims.tenants = {"*", "t1"};
    CHECK(mint_link_token(claims, secret()).error() == errc::bad_claims);
    claims.tenants = {std::string(20'000, 't')};
    CHECK(mint_link_token(claims, secret()).error() == errc::bad_claims);
    CHECK(parse_tenant_list("*") == std::vector<std::string>{"*"});
    CHECK(parse_tenant_list("t1,t2") == std::vector<std::string>{"t1", "t2"});
    for (const auto* text : {"", ",", "t1,", ",t1", "t1,*", "t1,,t2"}) CHECK(parse_tenant_list(text).empty());
    link_role role = link_role::mapper;
    CHECK(parse_link_role("broker", role));
    CHECK(role == link_role::broker);
    CHECK_FALSE(parse_link_role("Broker", role));
}

TEST_CASE("link secret: file made once, short ones refused", "[auth][link_token]") {
    const make::directory in;
    const auto path = in.path + "/link.secret";
    CHECK(link_secret::load(path).error() == notification2::errc::file_unreadable);
    const auto one = link_secret::load_or_create(path);
    REQUIRE(one);
    CHECK(link_secret::load(path)->sign("x") == one->sign("x"));
    CHECK(link_secret::load_or_create(path)->sign("x") == one->sign("x"));
    struct ::stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(link_secret::from_text("  0123456789abcdef\r\n")->sign("x") == secret().sign("x"));
    CHECK(link_secret::from_text("0123456789abcde").error() == errc::bad_secret);
    CHECK(link_secret::from_text(" \n").error() == errc::bad_secret);
}
