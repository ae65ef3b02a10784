#include "common/auth/trust_store.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

namespace auth {
namespace {

struct store_delete {
    void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
};
struct context_delete {
    void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
};
struct stack_delete {
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

/// 80 bits of security: refuses SHA-1 signatures and RSA keys under 1024 bits.
constexpr int security_level = 1;

core::result<std::vector<certificate>> parse_chain(std::span<const std::string> chain) {
    if (chain.empty()) return errc::no_certificate;
    if (chain.size() > chain_certificates_max) return errc::chain_too_long;
    std::vector<certificate> parsed;
    parsed.reserve(chain.size());
    for (const auto& der : chain) {
        const auto one = certificate::from_der(der);
        if (!one) return one.error();
        parsed.push_back(*one);
    }
    return parsed;
}

bool issued(const certificate& issuer, const certificate& subject) {
    return X509_check_issued(issuer.native(), subject.native()) == X509_V_OK;
}

bool signed_by(const certificate& issuer, const certificate& subject) {
    const bool good = X509_verify(subject.native(), X509_get0_pubkey(issuer.native())) == 1;
    ERR_clear_error();
    return good;
}

struct anchor_match {
    const trust_anchor* anchor = nullptr;
    std::size_t signers = 0; ///< certificates of the chain that signed, the anchor excluded: chain[1] … chain[signers]
};

/// The nearest anchor inside the chain, or the one that issued a chain of one. Two anchors may bear one name (a renewed
/// authority), so there the signature decides, and among equals an enabled one.
anchor_match find_anchor(std::span<const trust_anchor> anchors, const std::vector<certificate>& chain) {
    for (std::size_t i = 1; i < chain.size(); ++i)
        for (const auto& anchor : anchors)
            if (anchor.authority == chain[i]) return {&anchor, i - 1};
    if (chain.size() > 1) return {};
    anchor_match best;
    for (const auto& anchor : anchors) {
        if (anchor.authority == chain[0] || !issued(anchor.authority, chain[0])) continue;
        const bool better = best.anchor == nullptr || (!best.anchor->enabled && anchor.enabled);
        if (better && signed_by(anchor.authority, chain[0])) best = {&anchor, 0};
    }
    return best;
}

/// What the anchor's own settings and the places in the chain say, before any signature is looked at.
core::result<void> check_rules(const anchor_match& match, const std::vector<certificate>& chain) {
    if (!match.anchor->enabled) return errc::anchor_disabled;
    if (!match.anchor->auto_registration) return errc::auto_registration_off;
    for (std::size_t i = 0; i <= match.signers; ++i) {
        const auto& signer = i == match.signers ? match.anchor->authority : chain[i + 1];
        if (!signer.is_authority()) return errc::signer_not_ca;
        if (!issued(signer, chain[i])) return errc::chain_order;
    }
    return {};
}

errc to_errc(int x509_error) noexcept {
    switch (x509_error) {
    case X509_V_ERR_CERT_NOT_YET_VALID: return errc::not_yet_valid;
    case X509_V_ERR_CERT_HAS_EXPIRED: return errc::certificate_expired;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED: return errc::path_too_long;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN: return errc::signer_not_ca;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE: return errc::bad_signature;
    default: return errc::chain_refused;
    }
}

/// RFC 5280 §6 with that anchor as the only trusted certificate, self-signed or not.
core::result<void> verify_signatures(const anchor_match& match, const std::vector<certificate>& chain,
                                     std::int64_t now_s) {
    const std::unique_ptr<X509_STORE, store_delete> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, context_delete> context(X509_STORE_CTX_new());
    const std::unique_ptr<STACK_OF(X509), stack_delete> between(sk_X509_new_null());
    if (!store || !context || !between) return errc::crypto_failed;
    if (X509_STORE_add_cert(store.get(), match.anchor->authority.native()) != 1) return errc::crypto_failed;
    for (std::size_t i = 1; i <= match.signers; ++i)
        if (sk_X509_push(between.get(), chain[i].native()) == 0) return errc::crypto_failed;
    if (X509_STORE_CTX_init(context.get(), store.get(), chain[0].native(), between.get()) != 1)
        return errc::crypto_failed;
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(chain_certificates_max));
    X509_VERIFY_PARAM_set_auth_level(parameters, security_level);
    X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(now_s));
    const int good = X509_verify_cert(context.get());
    const int error = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    if (good != 1) return to_errc(error);
    return {};
}

} // namespace

bool trust_store::add(const core::tenant_id& tenant, trust_anchor anchor) {
    auto& anchors = by_tenant_[tenant];
    const bool known = std::any_of(anchors.begin(), anchors.end(),
                                   [&](const trust_anchor& one) { return one.authority == anchor.authority; });
    if (!known) anchors.push_back(std::move(anchor));
    return !known;
}

std::span<const trust_anchor> trust_store::anchors(const core::tenant_id& tenant) const {
    const auto found = by_tenant_.find(tenant);
    if (found == by_tenant_.end()) return {};
    return found->second;
}

core::result<device_identity> trust_store::verify_chain(const core::tenant_id& tenant,
                                                        std::span<const std::string> chain, std::int64_t now_s) const {
    const auto parsed = parse_chain(chain);
    if (!parsed) return parsed.error();
    const auto match = find_anchor(anchors(tenant), *parsed);
    if (match.anchor == nullptr) return errc::not_trusted;
    const auto placed = check_rules(match, *parsed);
    if (!placed) return placed.error();
    const auto verified = verify_signatures(match, *parsed, now_s);
    if (!verified) return verified.error();
    auto name = parsed->front().common_name();
    if (!name) return name.error();
    device_identity identity;
    identity.common_name = std::move(*name);
    identity.anchor_name = match.anchor->name;
    identity.anchor_fingerprint = match.anchor->authority.fingerprint();
    return identity;
}

core::result<core::tenant_id> trust_store::tenant_of(std::span<const std::string> chain) const {
    const auto parsed = parse_chain(chain);
    if (!parsed) return parsed.error();
    const core::tenant_id* only = nullptr;
    for (const auto& [tenant, anchors] : by_tenant_) {
        const auto match = find_anchor(anchors, *parsed);
        if (match.anchor == nullptr || !match.anchor->enabled) continue;
        if (only != nullptr) return errc::ambiguous_tenant;
        only = &tenant;
    }
    if (only == nullptr) return errc::not_trusted;
    return *only;
}

} // namespace auth
