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

/// What the anchor's own settings and the places in the chain say, before any signature is looked at. `signers` as in
/// trust_store::match.
core::result<void> check_rules(const trust_anchor& anchor, std::size_t signers, const std::vector<certificate>& chain) {
    if (!anchor.enabled) return errc::anchor_disabled;
    if (!anchor.auto_registration) return errc::auto_registration_off;
    for (std::size_t i = 0; i <= signers; ++i) {
        const auto& signer = i == signers ? anchor.authority : chain[i + 1];
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
core::result<void> verify_signatures(const trust_anchor& anchor, std::size_t signers,
                                     const std::vector<certificate>& chain, std::int64_t now_s) {
    const std::unique_ptr<X509_STORE, store_delete> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, context_delete> context(X509_STORE_CTX_new());
    const std::unique_ptr<STACK_OF(X509), stack_delete> between(sk_X509_new_null());
    if (!store || !context || !between) return errc::crypto_failed;
    if (X509_STORE_add_cert(store.get(), anchor.authority.native()) != 1) return errc::crypto_failed;
    for (std::size_t i = 1; i <= signers; ++i)
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

std::string name_key(std::uint32_t subject) { return "n" + std::to_string(subject); }
std::string issuer_key(std::uint32_t subject, const std::string& key_identifier) {
    return "k" + std::to_string(subject) + ":" + key_identifier;
}
std::string fingerprint_key(const std::string& fingerprint) { return "f" + fingerprint; }

} // namespace

/// The anchor a chain leads to.
struct trust_store::match {
    const trust_anchor* anchor = nullptr;
    std::size_t signers = 0; ///< certificates of the chain that signed, the anchor excluded: chain[1] … chain[signers]
};

bool trust_store::add(const core::tenant_id& tenant, trust_anchor anchor) {
    anchor.fingerprint = anchor.authority.fingerprint();
    const auto found = by_tenant_.try_emplace(tenant).first;
    const auto [first, last] = index_.equal_range(fingerprint_key(anchor.fingerprint));
    if (std::any_of(first, last, [&](const auto& one) { return one.second.of == &*found; })) return false;
    const place at{&*found, found->second.anchors.size()};
    const auto subject = anchor.authority.subject_hash();
    index_.emplace(fingerprint_key(anchor.fingerprint), at);
    index_.emplace(issuer_key(subject, anchor.authority.key_identifier()), at);
    index_.emplace(name_key(subject), at);
    found->second.anchors.push_back(std::move(anchor));
    return true;
}

void trust_store::revoke(const core::tenant_id& tenant, const revocation_list& more) {
    by_tenant_[tenant].revoked.add(more);
}

void trust_store::set(const core::tenant_id& tenant, std::vector<trust_anchor> anchors, revocation_list revoked) {
    remove(tenant);
    by_tenant_[tenant].revoked = std::move(revoked);
    for (auto& anchor : anchors) (void)add(tenant, std::move(anchor)); // the same twice is the same
}

void trust_store::remove(const core::tenant_id& tenant) {
    const auto found = by_tenant_.find(tenant);
    if (found == by_tenant_.end()) return;
    const auto forget = [&](const std::string& key) {
        auto [first, last] = index_.equal_range(key);
        while (first != last) first = first->second.of == &*found ? index_.erase(first) : std::next(first);
    };
    for (const auto& anchor : found->second.anchors) {
        const auto subject = anchor.authority.subject_hash();
        forget(fingerprint_key(anchor.fingerprint));
        forget(issuer_key(subject, anchor.authority.key_identifier()));
        forget(name_key(subject));
    }
    by_tenant_.erase(found);
}

std::span<const trust_anchor> trust_store::anchors(const core::tenant_id& tenant) const {
    const auto found = by_tenant_.find(tenant);
    if (found == by_tenant_.end()) return {};
    return found->second.anchors;
}

const revocation_list& trust_store::revoked(const core::tenant_id& tenant) const {
    static const revocation_list none;
    const auto found = by_tenant_.find(tenant);
    return found == by_tenant_.end() ? none : found->second.revoked;
}

std::size_t trust_store::anchors_count() const noexcept { return index_.size() / 3; }

std::vector<core::tenant_id> trust_store::owners(const std::string& fingerprint) const {
    std::vector<core::tenant_id> found;
    const auto [first, last] = index_.equal_range(fingerprint_key(fingerprint));
    for (auto one = first; one != last; ++one) found.push_back(one->second.of->first);
    return found;
}

/// The nearest anchor inside the chain, or the one that issued a chain of one. Two anchors may bear one name (a renewed
/// authority), so there the signature decides, and among equals an enabled one.
trust_store::match trust_store::find_anchor(const tenant_trust& of, const std::vector<certificate>& chain) const {
    examined_ += of.anchors.size();
    for (std::size_t i = 1; i < chain.size(); ++i)
        for (const auto& anchor : of.anchors)
            if (anchor.authority == chain[i]) return {&anchor, i - 1};
    if (chain.size() > 1) return {};
    match best;
    for (const auto& anchor : of.anchors) {
        if (anchor.authority == chain[0] || !issued(anchor.authority, chain[0])) continue;
        const bool better = best.anchor == nullptr || (!best.anchor->enabled && anchor.enabled);
        if (better && signed_by(anchor.authority, chain[0])) best = {&anchor, 0};
    }
    return best;
}

core::result<device_identity> trust_store::verify_chain(const core::tenant_id& tenant,
                                                        std::span<const std::string> chain, std::int64_t now_s) const {
    const auto parsed = parse_chain(chain);
    if (!parsed) return parsed.error();
    const auto of = by_tenant_.find(tenant);
    if (of == by_tenant_.end()) return errc::not_trusted;
    const auto found = find_anchor(of->second, *parsed);
    if (found.anchor == nullptr) return errc::not_trusted;
    if (const auto placed = check_rules(*found.anchor, found.signers, *parsed); !placed) return placed.error();
    if (const auto good = verify_signatures(*found.anchor, found.signers, *parsed, now_s); !good) return good.error();
    device_identity identity;
    identity.valid_until_s = found.anchor->authority.not_after_s();
    for (std::size_t i = 0; i <= found.signers; ++i) {
        identity.valid_until_s = std::min(identity.valid_until_s, (*parsed)[i].not_after_s());
        identity.numbers.push_back((*parsed)[i].number());
        if (of->second.revoked.contains(identity.numbers.back())) return errc::revoked;
    }
    auto name = parsed->front().common_name();
    if (!name) return name.error();
    identity.common_name = std::move(*name);
    identity.leaf_fingerprint = parsed->front().fingerprint();
    identity.anchor_name = found.anchor->name;
    identity.anchor_fingerprint = found.anchor->fingerprint;
    return identity;
}

/// Anchors of any tenant that may be the chain's: those that are part of it, or those that bear the name, and the key
/// where one is stated, of the issuer of a lone leaf.
std::vector<trust_store::place> trust_store::candidates(const std::vector<certificate>& chain) const {
    std::vector<place> found;
    const auto take = [&](const std::string& key) {
        const auto [first, last] = index_.equal_range(key);
        for (auto one = first; one != last; ++one) found.push_back(one->second);
    };
    for (std::size_t i = 1; i < chain.size(); ++i) take(fingerprint_key(chain[i].fingerprint()));
    if (chain.size() > 1) return found;
    const auto issuer = chain[0].number().issuer;
    const auto key = chain[0].issuer_key_identifier();
    if (key.empty()) {
        take(name_key(issuer));
    } else {
        take(issuer_key(issuer, key));
        take(issuer_key(issuer, {})); // an anchor without a key identifier may be meant all the same
    }
    return found;
}

core::result<core::tenant_id> trust_store::tenant_of(std::span<const std::string> chain) const {
    const auto parsed = parse_chain(chain);
    if (!parsed) return parsed.error();
    auto places = candidates(*parsed);
    std::partition(places.begin(), places.end(), [](const place& one) { return one.anchor().proven; });
    const core::tenant_id* only = nullptr;
    bool only_is_proven = false;
    bool shared = false;
    std::size_t tries = 0;
    for (const auto& one : places) {
        ++examined_;
        const auto& anchor = one.anchor();
        if (!anchor.enabled || (only != nullptr && *only == one.of->first)) continue;
        if (only_is_proven && !anchor.proven) break; // proven ones came first: none of the rest can win
        if (parsed->size() == 1) {
            if (anchor.authority == parsed->front() || !issued(anchor.authority, parsed->front())) continue;
            if (++tries > signature_tries_max) return errc::ambiguous_tenant;
            if (!signed_by(anchor.authority, parsed->front())) continue;
        }
        shared = only != nullptr;
        if (shared) break;
        only = &one.of->first;
        only_is_proven = anchor.proven;
    }
    if (only == nullptr) return errc::not_trusted;
    if (shared) return errc::ambiguous_tenant;
    return *only;
}

core::result<void> trust_store::still_trusted(const core::tenant_id& tenant, const device_identity& device) const {
    const auto of = by_tenant_.find(tenant);
    if (of == by_tenant_.end()) return errc::not_trusted;
    const auto& [anchors, revoked] = of->second;
    const auto found = std::find_if(anchors.begin(), anchors.end(), [&](const trust_anchor& one) {
        return one.fingerprint == device.anchor_fingerprint;
    });
    if (found == anchors.end()) return errc::not_trusted;
    if (!found->enabled) return errc::anchor_disabled;
    for (const auto& number : device.numbers)
        if (revoked.contains(number)) return errc::revoked;
    return {};
}

} // namespace auth
