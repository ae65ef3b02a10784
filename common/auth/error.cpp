#include "common/auth/error.hpp"

namespace auth {
namespace {

std::string_view describe(int value) {
    switch (static_cast<errc>(value)) {
    case errc::wrong_credentials: return "tenant, user or password is wrong";
    case errc::busy: return "too many logins wait for their password to be checked";
    case errc::bad_password_hash: return "the password hash is not scrypt:N:r:p:salt:hash within its limits";
    case errc::crypto_failed: return "the cryptographic library refused the operation";
    case errc::malformed_token: return "the link token does not have the form of one";
    case errc::wrong_signature: return "the link token was not made with this secret";
    case errc::bad_claims: return "the link token lacks a claim or has one of the wrong kind";
    case errc::token_expired: return "the link token has expired";
    case errc::bad_secret: return "the link secret is shorter than 16 characters";
    case errc::no_certificate: return "the client presented no certificate";
    case errc::bad_certificate: return "a certificate is not well-formed X.509";
    case errc::chain_too_long: return "the certificate chain is longer than allowed";
    case errc::chain_order: return "a certificate of the chain is not followed by its signer";
    case errc::not_trusted: return "no trust anchor of the tenant is part of the chain or issued the only certificate";
    case errc::anchor_disabled: return "the trust anchor is disabled";
    case errc::auto_registration_off: return "the trust anchor does not allow auto registration";
    case errc::signer_not_ca: return "a signer in the chain is not a certificate authority";
    case errc::path_too_long: return "the chain is longer than an authority in it allows";
    case errc::not_yet_valid: return "a certificate of the chain is not valid yet";
    case errc::certificate_expired: return "a certificate of the chain has expired";
    case errc::bad_signature: return "a signature in the certificate chain is wrong";
    case errc::chain_refused: return "the certificate chain breaks a rule of X.509 or uses a weak algorithm";
    case errc::bad_common_name: return "the certificate does not have exactly one usable common name";
    case errc::ambiguous_tenant: return "several tenants trust this chain, so the user name must name the tenant";
    case errc::revoked: return "a certificate of the chain has been revoked";
    case errc::bad_revocation_list: return "the revocation list is neither PEM nor DER of X.509 CRLs";
    case errc::unavailable: return "the platform cannot be asked at the moment";
    case errc::bad_answer: return "the platform's answer does not have the form of one";
    case errc::no_service_user: return "there is no service user to read the tenant's trusted certificates with";
    case errc::throttled: return "too many failed logins; try again later";
    }
    return "unknown authentication error";
}

} // namespace

const boost::system::error_category& category() noexcept {
    static const core::enum_category instance("auth", describe);
    return instance;
}

} // namespace auth
