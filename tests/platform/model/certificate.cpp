#include "tests/platform/model/certificate.hpp"

#include "common/net/encoding.hpp"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace platform_sim::model {

namespace {

constexpr std::string_view first_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view last_line = "-----END CERTIFICATE-----";

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string without_blanks(std::string_view text) {
    std::string kept;
    for (const char c : text)
        if (!is_blank(c)) kept.push_back(c);
    return kept;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string hex(const unsigned char* bytes, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += fmt::format("{:02x}", bytes[i]);
    return out;
}

std::string name_text(X509_NAME* name) {
    // As Java prints it: most specific first, ", " between, UTF-8 as it is.
    const unsigned long how = (XN_FLAG_RFC2253 & ~static_cast<unsigned long>(XN_FLAG_SEP_MASK) &
                               ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) |
                              XN_FLAG_SEP_CPLUS_SPC;
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    if (X509_NAME_print_ex(out.get(), name, 0, how) < 0) return {};
    char* at = nullptr;
    const long size = BIO_get_mem_data(out.get(), &at);
    return {at, static_cast<std::size_t>(size)};
}

std::int64_t to_ms(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return static_cast<std::int64_t>(timegm(&parts)) * 1000;
}

struct serial_text {
    explicit serial_text(const X509* of, char* (*print)(const BIGNUM*)) {
        const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
            ASN1_INTEGER_to_BN(X509_get0_serialNumber(of), nullptr), BN_free);
        if (number == nullptr) return;
        char* printed = print(number.get());
        if (printed != nullptr) text = printed;
        OPENSSL_free(printed);
    }
    std::string text;
};

} // namespace

certificate::certificate(std::shared_ptr<x509_st> x509, std::string_view der) : x509_(std::move(x509)) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(der.data(), der.size(), digest, &size, EVP_sha1(), nullptr);
    fingerprint_ = hex(digest, size);
}

std::optional<certificate> certificate::from_text(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with(first_line) != text.ends_with(last_line)) return std::nullopt;
    if (text.starts_with(first_line)) {
        if (text.size() < first_line.size() + last_line.size()) return std::nullopt;
        text.remove_prefix(first_line.size());
        text.remove_suffix(last_line.size());
    }
    const auto der = net::base64_decode(without_blanks(text));
    if (!der || der->empty()) return std::nullopt;
    const auto* at = reinterpret_cast<const unsigned char*>(der->data());
    const auto* end = at + der->size();
    std::shared_ptr<x509_st> x509(d2i_X509(nullptr, &at, static_cast<long>(der->size())), X509_free);
    if (x509 == nullptr || at != end) return std::nullopt;
    return certificate(std::move(x509), *der);
}

std::optional<std::vector<certificate>> certificate::chain_from_pem(std::string_view text) {
    std::vector<certificate> chain;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        const auto last = text.find(last_line);
        if (last == std::string_view::npos || !text.starts_with(first_line)) return std::nullopt;
        auto one = from_text(text.substr(0, last + last_line.size()));
        if (!one) return std::nullopt;
        chain.push_back(std::move(*one));
        text.remove_prefix(last + last_line.size());
    }
    if (chain.empty()) return std::nullopt;
    return chain;
}

std::string certificate::subject() const { return name_text(X509_get_subject_name(native())); }
std::string certificate::issuer() const { return name_text(X509_get_issuer_name(native())); }
std::string certificate::serial_decimal() const { return serial_text(native(), BN_bn2dec).text; }

std::string certificate::serial_hex() const {
    std::string text = serial_text(native(), BN_bn2hex).text;
    for (char& c : text)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const auto first = text.find_first_not_of('0');
    return first == std::string::npos ? "0" : text.substr(first);
}

std::string certificate::algorithm() const {
    const int signature = X509_get_signature_nid(native());
    int digest = NID_undef;
    int key = NID_undef;
    if (OBJ_find_sigid_algs(signature, &digest, &key) != 1 || digest == NID_undef) return OBJ_nid2sn(signature);
    const std::string with = OBJ_nid2sn(digest);
    if (key == NID_rsaEncryption) return with + "withRSA";
    if (key == NID_X9_62_id_ecPublicKey) return with + "withECDSA";
    return OBJ_nid2sn(signature);
}

int certificate::version() const { return static_cast<int>(X509_get_version(native())) + 1; }
std::int64_t certificate::not_before_ms() const { return to_ms(X509_get0_notBefore(native())); }
std::int64_t certificate::not_after_ms() const { return to_ms(X509_get0_notAfter(native())); }

std::string certificate::pem_body() const {
    unsigned char* der = nullptr;
    const int size = i2d_X509(native(), &der);
    if (size <= 0) return {};
    std::string body =
        net::base64_encode(core::as_bytes({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}));
    OPENSSL_free(der);
    return body;
}

bool certificate::has_authority_flag() const {
    const auto flags = X509_get_extension_flags(native());
    return (flags & EXFLAG_BCONS) != 0 && (flags & EXFLAG_CA) != 0;
}

} // namespace platform_sim::model
