#include "common/auth/link_token.hpp"

#include "common/auth/password.hpp"
#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"
#include "common/notification2/private_file.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include <algorithm>

namespace auth {
namespace {

constexpr std::string_view prefix = "l1.";
constexpr std::size_t token_bytes_max = 16 * 1024;
constexpr std::size_t secret_characters_min = 16;
constexpr std::string_view blanks = " \t\r\n";

bool well_formed(const std::vector<std::string>& tenants) {
    if (tenants.empty()) return false;
    for (const auto& tenant : tenants)
        if (tenant.empty() || (tenant == "*" && tenants.size() > 1)) return false;
    return true;
}

/// A time in seconds that may be absent; false when it is there and no number.
bool read_time(const simdjson::dom::object& claims, std::string_view name, std::int64_t& into) {
    simdjson::dom::element value;
    if (claims[name].get(value) != simdjson::SUCCESS) return true;
    return value.get(into) == simdjson::SUCCESS && into > 0;
}

core::result<link_claims> parse_claims(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return errc::bad_claims;
    link_claims claims;
    std::string_view role;
    if (object["role"].get(role) != simdjson::SUCCESS || !parse_link_role(role, claims.role)) return errc::bad_claims;
    simdjson::dom::array tenants;
    if (object["tenants"].get(tenants) != simdjson::SUCCESS) return errc::bad_claims;
    for (const auto item : tenants) {
        std::string_view tenant;
        if (item.get(tenant) != simdjson::SUCCESS) return errc::bad_claims;
        claims.tenants.emplace_back(tenant);
    }
    if (!well_formed(claims.tenants)) return errc::bad_claims;
    if (!read_time(object, "iat", claims.issued_at_s)) return errc::bad_claims;
    if (!read_time(object, "exp", claims.expires_at_s)) return errc::bad_claims;
    return claims;
}

core::result<std::string> new_secret_text() {
    unsigned char bytes[32];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return errc::crypto_failed;
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes) {
        text.push_back(hex[byte >> 4]);
        text.push_back(hex[byte & 15]);
    }
    text.push_back('\n');
    return text;
}

} // namespace

std::string_view to_text(link_role role) noexcept {
    switch (role) {
    case link_role::broker: return "broker";
    case link_role::mapper: return "mapper";
    case link_role::application: return "application";
    }
    return "unknown";
}

bool parse_link_role(std::string_view text, link_role& into) noexcept {
    for (const auto role : {link_role::broker, link_role::mapper, link_role::application}) {
        if (text != to_text(role)) continue;
        into = role;
        return true;
    }
    return false;
}

bool link_claims::allows(std::string_view tenant) const noexcept {
    return std::any_of(tenants.begin(), tenants.end(), [&](const auto& one) { return one == "*" || one == tenant; });
}

std::vector<std::string> parse_tenant_list(std::string_view text) {
    std::vector<std::string> tenants;
    for (;;) {
        const auto end = text.find(',');
        tenants.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    if (!well_formed(tenants)) tenants.clear();
    return tenants;
}

core::result<link_secret> link_secret::from_text(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return errc::bad_secret;
    text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
    if (text.size() < secret_characters_min) return errc::bad_secret;
    return link_secret(std::string(text));
}

core::result<link_secret> link_secret::load(const std::string& path) {
    const auto text = notification2::read_private_file(path);
    if (!text) return text.error();
    return from_text(*text);
}

core::result<link_secret> link_secret::load_or_create(const std::string& path) {
    const auto text = notification2::load_or_create_private_file(path, new_secret_text);
    if (!text) return text.error();
    return from_text(*text);
}

std::string link_secret::sign(std::string_view text) const {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
    if (HMAC(EVP_sha256(), text_.data(), static_cast<int>(text_.size()), octets, text.size(),
             reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr)
        return {};
    mac.resize(size);
    return mac;
}

core::result<std::string> mint_link_token(const link_claims& claims, const link_secret& secret) {
    if (!well_formed(claims.tenants)) return errc::bad_claims;
    core::json_writer json;
    json.object().member("role", to_text(claims.role)).key("tenants").array();
    for (const auto& tenant : claims.tenants) json.value(tenant);
    json.end();
    if (claims.issued_at_s > 0) json.member("iat", claims.issued_at_s);
    if (claims.expires_at_s > 0) json.member("exp", claims.expires_at_s);
    json.end();
    std::string token(prefix);
    core::append_base64url(token, json.text());
    const std::string mac = secret.sign(token);
    if (mac.empty()) return errc::crypto_failed;
    token.push_back('.');
    core::append_base64url(token, mac);
    if (token.size() > token_bytes_max) return errc::bad_claims;
    return token;
}

core::result<link_claims> verify_link_token(std::string_view token, const link_secret& secret, std::int64_t now_s) {
    if (token.size() > token_bytes_max || !token.starts_with(prefix)) return errc::malformed_token;
    const auto dot = token.find('.', prefix.size());
    if (dot == std::string_view::npos) return errc::malformed_token;
    const auto mac = core::base64url_decode(token.substr(dot + 1));
    const auto json = core::base64url_decode(token.substr(prefix.size(), dot - prefix.size()));
    if (!mac || !json) return errc::malformed_token;
    const std::string expected = secret.sign(token.substr(0, dot));
    if (expected.empty()) return errc::crypto_failed;
    if (!equal_constant_time(*mac, expected)) return errc::wrong_signature;
    auto claims = parse_claims(*json);
    if (!claims) return claims.error();
    if (claims->expires_at_s != 0 && claims->expires_at_s <= now_s) return errc::token_expired;
    return claims;
}

} // namespace auth
