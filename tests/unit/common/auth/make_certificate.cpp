#include "tests/unit/common/auth/make_certificate.hpp"

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

} // namespace

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
