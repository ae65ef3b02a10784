#include "tests/unit/common/auth/make_certificate.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace make {
namespace {

void must(bool good) {
    if (!good) throw std::runtime_error("OpenSSL refused to make a test certificate");
}

void add_extension(X509* x509, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    must(extension != nullptr && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

void add_common_name(X509_NAME* name, const std::string& text) {
    must(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()),
                                    -1, 0) == 1);
}

void add_key_identifiers(X509* x509, X509* signer) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
    X509_EXTENSION* own = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_key_identifier, "hash");
    must(own != nullptr && X509_add_ext(x509, own, -1) == 1);
    X509_EXTENSION_free(own);
    X509V3_set_ctx(&context, signer == nullptr ? x509 : signer, x509, nullptr, nullptr, 0);
    X509_EXTENSION* of_signer = X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
    must(of_signer != nullptr && X509_add_ext(x509, of_signer, -1) == 1);
    X509_EXTENSION_free(of_signer);
}

std::shared_ptr<X509> parse(const issued& from) {
    const auto* at = reinterpret_cast<const unsigned char*>(from.der.data());
    return {d2i_X509(nullptr, &at, static_cast<long>(from.der.size())), [](X509* one) { X509_free(one); }};
}

std::string content_of(BIO* bio) {
    char* at = nullptr;
    const long size = BIO_get_mem_data(bio, &at);
    std::string content(at, static_cast<std::size_t>(size));
    BIO_free(bio);
    return content;
}

} // namespace

std::string revocation_list(const issued& authority, const std::vector<std::string>& serials_hex, bool pem) {
    const std::shared_ptr<X509_CRL> list(X509_CRL_new(), [](X509_CRL* one) { X509_CRL_free(one); });
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(parse(authority).get()));
    const std::shared_ptr<ASN1_TIME> when(ASN1_TIME_set(nullptr, now_s), [](ASN1_TIME* one) { ASN1_TIME_free(one); });
    X509_CRL_set1_lastUpdate(list.get(), when.get());
    for (const auto& hex : serials_hex) {
        BIGNUM* number = nullptr;
        must(BN_hex2bn(&number, hex.c_str()) > 0);
        ASN1_INTEGER* serial = BN_to_ASN1_INTEGER(number, nullptr);
        X509_REVOKED* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, serial);
        X509_REVOKED_set_revocationDate(entry, when.get());
        must(X509_CRL_add0_revoked(list.get(), entry) == 1);
        ASN1_INTEGER_free(serial);
        BN_free(number);
    }
    must(X509_CRL_sign(list.get(), authority.key.get(), EVP_sha256()) > 0);
    BIO* out = BIO_new(BIO_s_mem());
    must((pem ? PEM_write_bio_X509_CRL(out, list.get()) : i2d_X509_CRL_bio(out, list.get())) == 1);
    return content_of(out);
}

issued certificate(const options& with, const issued* signer) {
    static long serial = 1;
    issued made;
    made.key = {EVP_EC_gen("P-256"), [](EVP_PKEY* key) { EVP_PKEY_free(key); }};
    const std::shared_ptr<X509> x509(X509_new(), [](X509* one) { X509_free(one); });
    X509_set_version(x509.get(), with.version - 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), serial++);
    ASN1_TIME_set(X509_getm_notBefore(x509.get()), with.from_s);
    ASN1_TIME_set(X509_getm_notAfter(x509.get()), with.to_s);
    X509_set_pubkey(x509.get(), made.key.get());
    X509_NAME* name = X509_get_subject_name(x509.get());
    if (!with.common_name.empty()) add_common_name(name, with.common_name);
    if (!with.second_common_name.empty()) add_common_name(name, with.second_common_name);
    if (signer == nullptr) {
        X509_set_issuer_name(x509.get(), name);
    } else {
        const auto* at = reinterpret_cast<const unsigned char*>(signer->der.data());
        X509* parent = d2i_X509(nullptr, &at, static_cast<long>(signer->der.size()));
        X509_set_issuer_name(x509.get(), X509_get_subject_name(parent));
        X509_free(parent);
    }
    if (with.authority && with.basic_constraints) {
        std::string constraints = "critical,CA:TRUE";
        if (with.path_length >= 0) constraints += ",pathlen:" + std::to_string(with.path_length);
        add_extension(x509.get(), NID_basic_constraints, constraints);
    }
    if (with.authority)
        add_extension(x509.get(), NID_key_usage,
                      with.sign_right ? "critical,keyCertSign" : "critical,digitalSignature");
    if (with.key_identifiers) add_key_identifiers(x509.get(), signer == nullptr ? nullptr : parse(*signer).get());
    must(X509_sign(x509.get(), signer == nullptr ? made.key.get() : signer->key.get(),
                   with.sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(x509.get(), &der);
    must(size > 0);
    made.der.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    BIO* text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(text, x509.get());
    char* at = nullptr;
    const long pem_size = BIO_get_mem_data(text, &at);
    made.pem.assign(at, static_cast<std::size_t>(pem_size));
    BIO_free(text);
    return made;
}

directory::directory() {
    char name[] = "/tmp/auth_test_XXXXXX";
    must(::mkdtemp(name) != nullptr);
    path = name;
}

directory::~directory() { std::filesystem::remove_all(path); }

std::string directory::write(const std::string& name, const std::string& content) const {
    const auto to = path + "/" + name;
    std::ofstream(to, std::ios::binary | std::ios::trunc) << content;
    return to;
}

} // namespace make
