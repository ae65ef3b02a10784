#include "tests/platform/model/token.hpp"

#include "common/core/json_writer.hpp"
#include "common/net/encoding.hpp"
#include "tests/platform/model/json.hpp"
#include "tests/platform/model/text.hpp"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <random>

namespace platform_sim::model {

namespace {

struct free_key {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct free_digest {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using digest_context = std::unique_ptr<EVP_MD_CTX, free_digest>;

std::string encode(std::string_view text) {
    return net::base64_encode(core::as_bytes(text), net::base64_alphabet::url);
}

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string sign(EVP_PKEY* key, std::string_view text) {
    const digest_context context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1) return {};
    if (EVP_DigestSign(context.get(), nullptr, &size, raw(text), text.size()) != 1) return {};
    std::string signature(size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    if (EVP_DigestSign(context.get(), out, &size, raw(text), text.size()) != 1) return {};
    signature.resize(size);
    return signature;
}

bool signature_holds(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const digest_context context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1) return false;
    return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text), text.size()) == 1;
}

std::string new_identifier(std::uint64_t count) {
    std::random_device random;
    const auto next = [&] { return static_cast<std::uint32_t>(random()); };
    return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", next(), next() & 0xFFFF, next() & 0xFFF, next() & 0xFFF,
                       count);
}

std::optional<token_claims> read_claims(std::string_view payload) {
    const auto text = net::base64_decode(payload, net::base64_alphabet::url);
    if (!text) return std::nullopt;
    const auto object = parse_object(*text);
    if (!object) return std::nullopt;
    token_claims claims;
    const auto topic = split(text_member(*object, "topic"), '/');
    const auto* issued = object->if_contains("iat");
    const auto* expires = object->if_contains("exp");
    if (topic.size() != 3 || topic[1] != "relnotif" || issued == nullptr || expires == nullptr) return std::nullopt;
    if (!issued->is_int64() || !expires->is_int64()) return std::nullopt;
    const auto subscription = net::percent_decode(topic[2]);
    if (!subscription) return std::nullopt;
    claims.tenant = topic[0];
    claims.subscription = *subscription;
    claims.subscriber = text_member(*object, "sub");
    claims.identifier = text_member(*object, "jti");
    claims.issued_s = issued->get_int64();
    claims.expires_s = expires->get_int64();
    claims.shared = text_member(*object, "shared") == "true";
    claims.non_persistent = text_member(*object, "volatile") == "true";
    return claims;
}

} // namespace

struct token_book::key {
    std::unique_ptr<EVP_PKEY, free_key> pair;
};

std::string token_claims::json() const {
    core::json_writer out;
    out.object().member("sub", subscriber).member("topic", tenant + "/relnotif/" + net::percent_encode(subscription));
    out.member("jti", identifier).member("iat", issued_s).member("exp", expires_s);
    if (shared) out.member("shared", "true");
    if (non_persistent) out.member("volatile", "true");
    return std::move(out.end()).text();
}

token_book::token_book() : key_(std::make_unique<key>()) {}
token_book::~token_book() = default;

std::string token_book::issue(token_claims claims, bool is_signed) {
    claims.identifier = new_identifier(++issued_count_);
    const std::string payload = encode(claims.json());
    if (!is_signed) {
        std::string token = encode(R"({"alg":"none"})") + "." + payload + ".";
        unsigned_.insert(token);
        return token;
    }
    if (key_->pair == nullptr) key_->pair.reset(EVP_RSA_gen(2048));
    const std::string text = encode(R"({"alg":"RS256"})") + "." + payload;
    return text + "." + encode(sign(key_->pair.get(), text));
}

std::optional<token_claims> token_book::verify(std::string_view token, std::int64_t now_s) const {
    const auto parts = split(token, '.');
    if (parts.size() != 3) return std::nullopt;
    if (parts[2].empty()) {
        if (!unsigned_.contains(token)) return std::nullopt;
    } else {
        const auto signature = net::base64_decode(parts[2], net::base64_alphabet::url);
        if (!signature || key_->pair == nullptr) return std::nullopt;
        const auto text = token.substr(0, token.size() - parts[2].size() - 1);
        if (!signature_holds(key_->pair.get(), text, *signature)) return std::nullopt;
    }
    auto claims = read_claims(parts[1]);
    if (!claims || claims->expires_s <= now_s) return std::nullopt;
    return claims;
}

} // namespace platform_sim::model
