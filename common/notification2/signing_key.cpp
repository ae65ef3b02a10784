#include "common/notification2/signing_key.hpp"

#include "common/notification2/private_file.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <climits>

namespace notification2 {
namespace {

constexpr int key_bits_min = 2048;

struct key_delete {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct digest_delete {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct bio_delete {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using key_pointer = std::unique_ptr<EVP_PKEY, key_delete>;
using digest_pointer = std::unique_ptr<EVP_MD_CTX, digest_delete>;
using bio_pointer = std::unique_ptr<BIO, bio_delete>;

const unsigned char* octets(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// OpenSSL would otherwise ask for a pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

std::string content_of(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string{};
}

} // namespace

struct signing_key::key {
    key_pointer pointer;
};

core::result<signing_key> signing_key::generate() {
    key_pointer made(EVP_RSA_gen(key_bits_min));
    ERR_clear_error();
    if (!made) return errc::crypto_failed;
    return signing_key(std::make_shared<const key>(key{std::move(made)}));
}

core::result<signing_key> signing_key::from_pem(std::string_view pem) {
    if (pem.size() > INT_MAX) return errc::bad_key;
    const bio_pointer source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!source) return errc::crypto_failed;
    key_pointer read(PEM_read_bio_PrivateKey(source.get(), nullptr, no_pass_phrase, nullptr));
    ERR_clear_error();
    if (!read || EVP_PKEY_get_base_id(read.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(read.get()) < key_bits_min)
        return errc::bad_key;
    return signing_key(std::make_shared<const key>(key{std::move(read)}));
}

core::result<signing_key> signing_key::load_or_create(const std::string& path) {
    const auto pem = load_or_create_private_file(path, []() -> core::result<std::string> {
        const auto made = generate();
        if (!made) return made.error();
        return made->private_pem();
    });
    if (!pem) return pem.error();
    return from_pem(*pem);
}

core::result<std::string> signing_key::private_pem() const {
    const bio_pointer out(BIO_new(BIO_s_mem()));
    if (!out ||
        PEM_write_bio_PKCS8PrivateKey(out.get(), key_->pointer.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return errc::crypto_failed;
    return content_of(out.get());
}

core::result<std::string> signing_key::public_pem() const {
    const bio_pointer out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_PUBKEY(out.get(), key_->pointer.get()) != 1) return errc::crypto_failed;
    return content_of(out.get());
}

core::result<std::string> signing_key::sign(std::string_view text) const {
    const digest_pointer context(EVP_MD_CTX_new());
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pointer.get()) != 1)
        return errc::crypto_failed;
    std::size_t size = 0;
    if (EVP_DigestSign(context.get(), nullptr, &size, octets(text), text.size()) != 1) return errc::crypto_failed;
    std::string signature(size, '\0');
    auto* to = reinterpret_cast<unsigned char*>(signature.data());
    if (EVP_DigestSign(context.get(), to, &size, octets(text), text.size()) != 1) return errc::crypto_failed;
    signature.resize(size);
    return signature;
}

bool signing_key::verify(std::string_view text, std::string_view signature) const {
    const digest_pointer context(EVP_MD_CTX_new());
    const bool good =
        context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pointer.get()) == 1 &&
        EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(text), text.size()) == 1;
    // A wrong signature leaves an entry in the thread's error queue, where a TLS call would take it for its own.
    if (!good) ERR_clear_error();
    return good;
}

} // namespace notification2
