#include "tests/platform/model/trust.hpp"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace platform_sim::model {

namespace {

struct free_x509 {
    void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
    void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

/// `path`: leaf to anchor. OpenSSL would find its own way through a disordered chain; here the order is the rule.
std::string check_path(const std::vector<certificate>& path, std::int64_t now_s) {
    for (std::size_t i = 1; i < path.size(); ++i)
        if (X509_check_ca(path[i].native()) != 1) return "a signer is no certificate authority";
    const std::unique_ptr<X509_STORE, free_x509> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, free_x509> context(X509_STORE_CTX_new());
    const std::unique_ptr<STACK_OF(X509), free_x509> between(sk_X509_new_null());
    X509_STORE_add_cert(store.get(), path.back().native());
    for (std::size_t i = 1; i + 1 < path.size(); ++i) sk_X509_push(between.get(), path[i].native());
    if (X509_STORE_CTX_init(context.get(), store.get(), path.front().native(), between.get()) != 1)
        return "the chain cannot be checked";
    X509_STORE_CTX_set_time(context.get(), 0, now_s);
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN); // the anchor need not be self-signed
    if (X509_verify_cert(context.get()) != 1)
        return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    const STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(context.get());
    bool same = sk_X509_num(built) == static_cast<int>(path.size());
    for (int i = 0; same && i < sk_X509_num(built); ++i)
        same = X509_cmp(sk_X509_value(built, i), path[static_cast<std::size_t>(i)].native()) == 0;
    return same ? "" : "the certificates do not follow each other";
}

} // namespace

bool trust_book::add(trusted_certificate added) {
    const std::string fingerprint = added.x509.fingerprint();
    if (by_fingerprint_.contains(fingerprint)) return false;
    uploaded_[added.tenant].push_back(fingerprint);
    by_fingerprint_.emplace(fingerprint, std::move(added));
    return true;
}

const trusted_certificate* trust_book::find(std::string_view tenant, std::string_view fingerprint) const {
    const auto found = by_fingerprint_.find(fingerprint);
    return found != by_fingerprint_.end() && found->second.tenant == tenant ? &found->second : nullptr;
}

trusted_certificate* trust_book::find(std::string_view tenant, std::string_view fingerprint) {
    const auto found = by_fingerprint_.find(fingerprint);
    return found != by_fingerprint_.end() && found->second.tenant == tenant ? &found->second : nullptr;
}

bool trust_book::remove(std::string_view tenant, std::string_view fingerprint) {
    if (find(tenant, fingerprint) == nullptr) return false;
    std::erase(uploaded_.find(tenant)->second, fingerprint);
    by_fingerprint_.erase(by_fingerprint_.find(fingerprint));
    return true;
}

std::vector<const trusted_certificate*> trust_book::of(std::string_view tenant) const {
    std::vector<const trusted_certificate*> all;
    const auto found = uploaded_.find(tenant);
    if (found == uploaded_.end()) return all;
    for (const auto& fingerprint : found->second) all.push_back(find(tenant, fingerprint));
    return all;
}

void trust_book::clear() {
    by_fingerprint_.clear();
    uploaded_.clear();
}

/// Of that tenant, or with an empty name of any.
const trusted_certificate* trust_book::issuer_of(const certificate& leaf, std::string_view tenant) const {
    for (const auto& [fingerprint, anchor] : by_fingerprint_) {
        if (!tenant.empty() && anchor.tenant != tenant) continue;
        if (X509_check_issued(anchor.x509.native(), leaf.native()) != X509_V_OK) continue;
        if (X509_verify(leaf.native(), X509_get0_pubkey(anchor.x509.native())) == 1) return &anchor;
    }
    return nullptr;
}

std::string trust_book::tenant_of(const std::vector<certificate>& chain) const {
    for (const auto& one : chain)
        if (const auto found = by_fingerprint_.find(one.fingerprint()); found != by_fingerprint_.end())
            return found->second.tenant;
    const auto* anchor = chain.size() == 1 ? issuer_of(chain.front(), {}) : nullptr;
    return anchor == nullptr ? std::string() : anchor->tenant;
}

std::string trust_book::verify(std::string_view tenant, const std::vector<certificate>& chain,
                               std::int64_t now_s) const {
    std::vector<certificate> path;
    const trusted_certificate* anchor = nullptr;
    for (const auto& one : chain) {
        path.push_back(one);
        anchor = find(tenant, one.fingerprint());
        if (anchor != nullptr) break; // what follows the anchor does not matter
    }
    if (anchor == nullptr && chain.size() == 1) {
        anchor = issuer_of(chain.front(), tenant);
        if (anchor != nullptr) path.push_back(anchor->x509);
    }
    if (anchor == nullptr) return "the chain does not lead to a trusted certificate";
    if (!anchor->enabled) return "the trusted certificate is disabled";
    return check_path(path, now_s);
}

} // namespace platform_sim::model
