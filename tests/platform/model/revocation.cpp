#include "tests/platform/model/revocation.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace platform_sim::model {

namespace {

constexpr std::int64_t valid_s = 7 * 86'400;
constexpr std::size_t serial_digits_max = 40; // 20 octets, RFC 5280

struct free_parts {
    void operator()(ASN1_TIME* time) const noexcept { ASN1_TIME_free(time); }
    void operator()(BIGNUM* number) const noexcept { BN_free(number); }
    void operator()(X509_NAME* name) const noexcept { X509_NAME_free(name); }
    void operator()(X509_CRL* list) const noexcept { X509_CRL_free(list); }
    void operator()(EVP_PKEY* pair) const noexcept { EVP_PKEY_free(pair); }
};
template <class Part> using owned = std::unique_ptr<Part, free_parts>;

owned<ASN1_TIME> asn1_time(std::int64_t s) { return owned<ASN1_TIME>(ASN1_TIME_set(nullptr, s)); }

bool add_entry(X509_CRL* list, const std::string& serial, std::int64_t since_ms) {
    BIGNUM* read = nullptr;
    if (BN_hex2bn(&read, serial.c_str()) == 0) return false;
    const owned<BIGNUM> number(read);
    ASN1_INTEGER* integer = BN_to_ASN1_INTEGER(number.get(), nullptr);
    X509_REVOKED* entry = X509_REVOKED_new();
    const auto since = asn1_time(since_ms / 1000);
    const bool made =
        X509_REVOKED_set_serialNumber(entry, integer) == 1 && X509_REVOKED_set_revocationDate(entry, since.get()) == 1;
    ASN1_INTEGER_free(integer);
    if (made && X509_CRL_add0_revoked(list, entry) == 1) return true;
    X509_REVOKED_free(entry);
    return false;
}

bool fill(X509_CRL* list, const std::string& tenant, const revocation_list& from, std::int64_t now_s) {
    const owned<X509_NAME> issuer(X509_NAME_new());
    const auto* name = reinterpret_cast<const unsigned char*>(tenant.data());
    if (X509_NAME_add_entry_by_NID(issuer.get(), NID_commonName, MBSTRING_UTF8, name, static_cast<int>(tenant.size()),
                                   -1, 0) != 1)
        return false;
    const auto begin = asn1_time(now_s);
    const auto end = asn1_time(now_s + valid_s);
    if (X509_CRL_set_version(list, 1) != 1 || X509_CRL_set_issuer_name(list, issuer.get()) != 1 ||
        X509_CRL_set1_lastUpdate(list, begin.get()) != 1 || X509_CRL_set1_nextUpdate(list, end.get()) != 1)
        return false;
    for (const auto& [serial, since_ms] : from.all())
        if (!add_entry(list, serial, since_ms)) return false;
    return X509_CRL_sort(list) == 1;
}

} // namespace

std::optional<std::string> normal_serial(std::string_view hex) {
    if (hex.empty() || hex.size() > serial_digits_max) return std::nullopt;
    std::string out;
    for (const char c : hex) {
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!(lower >= '0' && lower <= '9') && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
        if (!out.empty() || lower != '0') out.push_back(lower);
    }
    return out.empty() ? "0" : out;
}

struct revocation_signer::key {
    owned<EVP_PKEY> pair;
};

revocation_signer::revocation_signer() : key_(std::make_unique<key>()) {}
revocation_signer::~revocation_signer() = default;

std::string revocation_signer::sign(const std::string& tenant, const revocation_list& list, std::int64_t now_ms) {
    if (key_->pair == nullptr) key_->pair.reset(EVP_EC_gen("P-256"));
    const owned<X509_CRL> made(X509_CRL_new());
    if (!fill(made.get(), tenant, list, now_ms / 1000)) return {};
    if (X509_CRL_sign(made.get(), key_->pair.get(), EVP_sha256()) <= 0) return {};
    unsigned char* bytes = nullptr;
    const int size = i2d_X509_CRL(made.get(), &bytes);
    if (size <= 0) return {};
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
}

} // namespace platform_sim::model
