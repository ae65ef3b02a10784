#include "common/notification2/error.hpp"

namespace notification2 {
namespace {

std::string_view describe(int value) {
    switch (static_cast<errc>(value)) {
    case errc::no_line_feed: return "the frame has no line feed after its first line";
    case errc::bad_sequence: return "the sequence is not a decimal number of 64 bits without leading zeros";
    case errc::bad_base64: return "the payload is not one line of standard Base64 with padding";
    case errc::too_large: return "the frame is larger than allowed";
    case errc::no_blank_line: return "no blank line ends the header of the notification";
    case errc::empty_ack_header: return "the acknowledgement header is empty";
    case errc::bad_ack_header: return "the acknowledgement header was not given out by this service";
    case errc::record_truncated: return "the Avro record ends too early";
    case errc::number_too_large: return "a number of the Avro record does not fit its type";
    case errc::bad_union_branch: return "a union of the Avro record names a branch that does not exist";
    case errc::bad_boolean: return "a boolean of the Avro record is neither 0 nor 1";
    case errc::bad_enum_symbol: return "the payload format indicator is not a known symbol";
    case errc::negative_length: return "a length of the Avro record is negative";
    case errc::bad_block_size: return "a map block of the Avro record does not have the size it states";
    case errc::too_many_properties: return "the Avro record has more user properties than allowed";
    case errc::not_utf8: return "a string of the Avro record is not UTF-8";
    case errc::trailing_bytes: return "bytes follow the Avro record";
    case errc::malformed_token: return "the token is not three Base64 parts of JSON, JSON and signature";
    case errc::wrong_algorithm: return "the token is not signed with RS256";
    case errc::wrong_signature: return "the signature of the token is not by this service";
    case errc::bad_claims: return "the token lacks a claim or has one of the wrong kind";
    case errc::token_expired: return "the token has expired";
    case errc::bad_topic_claim: return "the topic of the token is not tenant/type/name";
    case errc::file_unreadable: return "the key or secret file cannot be read";
    case errc::file_unwritable: return "the key or secret file cannot be created";
    case errc::bad_key: return "the key file does not hold an RSA key of at least 2048 bits in PEM";
    case errc::crypto_failed: return "the cryptographic library refused the operation";
    }
    return "unknown error of the notification2 protocol";
}

} // namespace

const boost::system::error_category& category() noexcept {
    static const core::enum_category instance("notification2", describe);
    return instance;
}

} // namespace notification2
