// What can be wrong with the texts, records, tokens and keys of this folder.
#pragma once

#include "common/core/error.hpp"

namespace notification2 {

enum class errc {
    no_line_feed = 1,
    bad_sequence,
    bad_base64,
    too_large,
    no_blank_line,
    empty_ack_header,
    bad_ack_header,
    record_truncated,
    number_too_large,
    bad_union_branch,
    bad_boolean,
    bad_enum_symbol,
    negative_length,
    bad_block_size,
    too_many_properties,
    not_utf8,
    trailing_bytes,
    malformed_token,
    wrong_algorithm,
    wrong_signature,
    bad_claims,
    token_expired,
    bad_topic_claim,
    file_unreadable,
    file_unwritable,
    bad_key,
    crypto_failed,
};

const boost::system::error_category& category() noexcept;
inline core::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), category()}; }

} // namespace notification2

template <> struct boost::system::is_error_code_enum<notification2::errc> : std::true_type {};
