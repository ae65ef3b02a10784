#include "common/auth/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <climits>
#include <ctime>

namespace auth {
namespace {

std::shared_ptr<X509> shared(X509* x509) {
    return {x509, [](X509* one) { X509_free(one); }};
}

struct bio_delete {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

std::string content_of(BIO* bio) {
    char* at = nullptr;
    const long size = BIO_get_mem_data(bio, &at);
    return size > 0 ? std::string(at, static_cast<std::size_t>(size)) : std::string();
}

std::int64_t seconds_of(const ASN1_TIME* from) {
    std::tm time{};
    if (ASN1_TIME_to_tm(from, &time) != 1) return 0;
    return static_cast<std::int64_t>(::timegm(&time));
}

std::string bytes_of(const ASN1_OCTET_STRING* from) {
    if (from == nullptr) return {};
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(from)),
            static_cast<std::size_t>(ASN1_STRING_length(from))};
}

} // namespace

std::string serial_from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c == ' ' || c == ':') continue;
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!(lower >= '0' && lower <= '9') && !(lower >= 'a' && lower <= 'f')) return {};
        if (lower == '0' && digits.empty()) {
            digits = "0";
            continue;
        }
        if (digits == "0") digits.clear();
        digits.push_back(lower);
    }
    return digits;
}

std::string serial_text(const asn1_string_st* serial) {
    BIGNUM* number = ASN1_INTEGER_to_BN(serial, nullptr);
    char* hex = number == nullptr ? nullptr : BN_bn2hex(number);
    std::string text = hex == nullptr ? std::string() : hex;
    OPENSSL_free(hex);
    BN_free(number);
    // Negative ones break RFC 5280, yet they exist; the sign keeps them apart.
    const bool negative = text.starts_with('-');
    text = serial_from_hex(std::string_view(text).substr(negative ? 1 : 0));
    return negative ? "-" + text : text;
}

core::result<certificate> certificate::from_der(std::string_view der) {
    if (der.empty() || der.size() > INT_MAX) return errc::bad_certificate;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    const auto x509 = shared(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (!x509 || at != end) return errc::bad_certificate;
    return certificate(x509);
}

core::result<std::vector<certificate>> certificate::from_pem(std::string_view pem) {
    if (pem.empty() || pem.size() > INT_MAX) return errc::bad_certificate;
    const std::unique_ptr<BIO, bio_delete> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!source) return errc::crypto_failed;
    std::vector<certificate> found;
    while (X509* x509 = PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr))
        found.push_back(certificate(shared(x509)));
    // The end of the text is told by this reason; anything else is a block that could not be read.
    const auto last = ERR_peek_last_error();
    ERR_clear_error();
    if (found.empty() || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return errc::bad_certificate;
    return found;
}

std::string certificate::pem() const {
    const std::unique_ptr<BIO, bio_delete> into(BIO_new(BIO_s_mem()));
    if (!into || PEM_write_bio_X509(into.get(), x509_.get()) != 1) return {};
    return content_of(into.get());
}

bool certificate::is_authority() const {
    // 1 is BasicConstraints CA:TRUE with a fitting key usage; the other positive answers are guesses for old
    // certificates.
    return X509_get_version(x509_.get()) == X509_VERSION_3 && X509_check_ca(x509_.get()) == 1;
}

core::result<std::string> certificate::common_name() const {
    const X509_NAME* subject = X509_get_subject_name(x509_.get());
    const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return errc::bad_common_name;
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, value);
    if (size < 0) {
        ERR_clear_error();
        return errc::bad_common_name;
    }
    std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    if (name.empty() || name.find('\0') != std::string::npos) return errc::bad_common_name;
    return name;
}

std::string certificate::fingerprint() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (X509_digest(x509_.get(), EVP_sha1(), digest, &size) != 1) return {};
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
        text.push_back(hex[digest[i] >> 4]);
        text.push_back(hex[digest[i] & 15]);
    }
    return text;
}

std::int64_t certificate::not_before_s() const { return seconds_of(X509_get0_notBefore(x509_.get())); }
std::int64_t certificate::not_after_s() const { return seconds_of(X509_get0_notAfter(x509_.get())); }

std::string certificate::subject() const {
    const std::unique_ptr<BIO, bio_delete> into(BIO_new(BIO_s_mem()));
    constexpr unsigned long form = XN_FLAG_ONELINE & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB | XN_FLAG_SPC_EQ);
    if (!into || X509_NAME_print_ex(into.get(), X509_get_subject_name(x509_.get()), 0, form) < 0) return {};
    return content_of(into.get());
}

std::uint32_t certificate::subject_hash() const {
    return static_cast<std::uint32_t>(X509_NAME_hash_ex(X509_get_subject_name(x509_.get()), nullptr, nullptr, nullptr));
}

certificate_number certificate::number() const {
    certificate_number made;
    made.issuer =
        static_cast<std::uint32_t>(X509_NAME_hash_ex(X509_get_issuer_name(x509_.get()), nullptr, nullptr, nullptr));
    made.serial = serial_text(X509_get0_serialNumber(x509_.get()));
    return made;
}

std::string certificate::key_identifier() const { return bytes_of(X509_get0_subject_key_id(x509_.get())); }
std::string certificate::issuer_key_identifier() const { return bytes_of(X509_get0_authority_key_id(x509_.get())); }

bool certificate::operator==(const certificate& other) const { return X509_cmp(x509_.get(), other.x509_.get()) == 0; }

} // namespace auth
