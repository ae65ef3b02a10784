// Why somebody was not let in, for the log and the metric; what the peer is told is the business of the door.
#pragma once

#include "common/core/error.hpp"

namespace auth {

enum class errc {
    wrong_credentials = 1,
    busy,
    bad_password_hash,
    crypto_failed,
    malformed_token,
    wrong_signature,
    bad_claims,
    token_expired,
    bad_secret,
    no_certificate,
    bad_certificate,
    chain_too_long,
    chain_order,
    not_trusted,
    anchor_disabled,
    auto_registration_off,
    signer_not_ca,
    path_too_long,
    not_yet_valid,
    certificate_expired,
    bad_signature,
    chain_refused,
    bad_common_name,
    ambiguous_tenant,
    revoked,
    bad_revocation_list,
    unavailable,
    bad_answer,
    throttled,
    no_service_user,
};

const boost::system::error_category& category() noexcept;
inline core::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), category()}; }

} // namespace auth

template <> struct boost::system::is_error_code_enum<auth::errc> : std::true_type {};
