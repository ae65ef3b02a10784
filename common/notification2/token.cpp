#include "common/notification2/token.hpp"

#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"

#include <openssl/rand.h>
#include <simdjson.h>

namespace notification2 {
namespace {

constexpr std::string_view header_json = R"({"alg":"RS256"})";
constexpr std::string_view hex = "0123456789abcdef";

void append_escape(std::string& out, std::uint32_t unit) {
    out.append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) out.push_back(hex[unit >> shift & 15]);
}

/// The scalar of the well-formed UTF-8 sequence at `at`, which moves past it.
std::uint32_t take_scalar(std::string_view text, std::size_t& at) noexcept {
    const auto first = static_cast<unsigned char>(text[at++]);
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    std::uint32_t scalar = first & (0x3F >> more);
    for (int i = 0; i < more && at < text.size(); ++i)
        scalar = scalar << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
    return scalar;
}

/// Replaces, in valid JSON, what would make the two Base64 alphabets differ. Such characters stand only inside strings
/// there, so a JSON escape means the same.
std::string without_ambiguous(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        const auto c = static_cast<unsigned char>(json[at]);
        if (c < 0x80) {
            if (c == '>' || c == '?' || c == '~' || c == 0x7F)
                append_escape(out, c);
            else
                out.push_back(json[at]);
            ++at;
            continue;
        }
        const std::uint32_t scalar = take_scalar(json, at);
        if (scalar < 0x10000) {
            append_escape(out, scalar);
            continue;
        }
        append_escape(out, 0xD800 + ((scalar - 0x10000) >> 10));
        append_escape(out, 0xDC00 + ((scalar - 0x10000) & 0x3FF));
    }
    return out;
}

/// A random UUID (RFC 4122 §4.4); empty when there is no randomness.
std::string random_uuid() {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return {};
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
    std::string text;
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
        text.push_back(hex[bytes[i] >> 4]);
        text.push_back(hex[bytes[i] & 15]);
    }
    return text;
}

using simdjson::dom::element;
using simdjson::dom::object;

/// Exactly `{"alg":"RS256", …}`; above all not "none" and not a symmetric algorithm keyed with our public key.
core::result<void> check_header(std::string_view json) {
    simdjson::dom::parser parser;
    object header;
    if (parser.parse(json.data(), json.size()).get(header) != simdjson::SUCCESS) return errc::malformed_token;
    std::string_view algorithm;
    if (header["alg"].get(algorithm) != simdjson::SUCCESS || algorithm != "RS256") return errc::wrong_algorithm;
    // An extension marked critical must be understood (RFC 7515 §4.1.11), and none is.
    element critical;
    if (header["crit"].get(critical) == simdjson::SUCCESS) return errc::malformed_token;
    return {};
}

/// Flags are the texts "true" and "false" (ref C.4); absent means false.
bool read_flag(const object& claims, std::string_view name, bool& into) {
    element value;
    if (claims[name].get(value) != simdjson::SUCCESS) return true;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || (text != "true" && text != "false")) return false;
    into = text == "true";
    return true;
}

core::result<token_claims> parse_claims(std::string_view json) {
    simdjson::dom::parser parser;
    object claims;
    if (parser.parse(json.data(), json.size()).get(claims) != simdjson::SUCCESS) return errc::malformed_token;
    token_claims parsed;
    std::string_view subscriber;
    std::string_view topic;
    std::string_view id;
    if (claims["sub"].get(subscriber) != simdjson::SUCCESS || subscriber.empty()) return errc::bad_claims;
    if (claims["topic"].get(topic) != simdjson::SUCCESS) return errc::bad_claims;
    if (claims["iat"].get(parsed.issued_at_s) != simdjson::SUCCESS) return errc::bad_claims;
    if (claims["exp"].get(parsed.expires_at_s) != simdjson::SUCCESS) return errc::bad_claims;
    if (claims["jti"].get(id) == simdjson::SUCCESS) parsed.id = id;
    if (!read_flag(claims, "shared", parsed.shared)) return errc::bad_claims;
    if (!read_flag(claims, "volatile", parsed.is_volatile)) return errc::bad_claims;
    auto named = parse_topic_claim(topic);
    if (!named) return named.error();
    parsed.subscriber = subscriber;
    parsed.topic = std::move(*named);
    return parsed;
}

} // namespace

std::string claims_json(const token_claims& claims) {
    core::json_writer json;
    json.object().member("sub", claims.subscriber).member("topic", format_topic_claim(claims.topic));
    json.member("jti", claims.id).member("iat", claims.issued_at_s).member("exp", claims.expires_at_s);
    if (claims.shared) json.member("shared", "true");
    if (claims.is_volatile) json.member("volatile", "true");
    json.end();
    return without_ambiguous(json.text());
}

core::result<std::string> issue_token(token_claims claims, const signing_key& key) {
    if (claims.id.empty()) claims.id = random_uuid();
    if (claims.id.empty()) return errc::crypto_failed;
    std::string token;
    core::append_base64url(token, header_json);
    token.push_back('.');
    core::append_base64url(token, claims_json(claims));
    const auto signature = key.sign(token);
    if (!signature) return signature.error();
    token.push_back('.');
    core::append_base64url(token, *signature);
    if (token.size() > token_bytes_max) return errc::bad_claims;
    return token;
}

core::result<token_claims> open_token(std::string_view token, const signing_key& key) {
    if (token.size() > token_bytes_max) return errc::malformed_token;
    const auto first = token.find('.');
    if (first == std::string_view::npos) return errc::malformed_token;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos) return errc::malformed_token;
    const auto header = core::base64url_decode(token.substr(0, first));
    const auto payload = core::base64url_decode(token.substr(first + 1, second - first - 1));
    const auto signature = core::base64url_decode(token.substr(second + 1));
    if (!header || !payload || !signature) return errc::malformed_token;
    const auto admitted = check_header(*header);
    if (!admitted) return admitted.error();
    if (!key.verify(token.substr(0, second), *signature)) return errc::wrong_signature;
    return parse_claims(*payload);
}

} // namespace notification2
