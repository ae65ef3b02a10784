#include "common/net/tls_tickets.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <span>

namespace net {

namespace {

using keys_place = std::shared_ptr<ticket_keys>;

void free_keys(void*, void* place, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<keys_place*>(place); }

int place_of_keys() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_keys);
    return index;
}

bool authenticate_with(EVP_MAC_CTX* mac, const ticket_keys::key& key) {
    std::array<unsigned char, sizeof key.mac> copy = key.mac; // OpenSSL asks for a pointer it could write to
    char digest[] = "SHA256";
    const std::array parameters{OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.data(), copy.size()),
                                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

/// OpenSSL's protocol: seal: 1 = done, 0 = no ticket; open: 1 = this key, 2 = this key, but give a new ticket, 0 =
/// unknown: full handshake.
int use_key(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
    auto& keys = **static_cast<keys_place*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), place_of_keys()));
    if (seal != 0) {
        const auto* key = keys.for_sealing();
        if (key == nullptr || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return 0;
        std::ranges::copy(key->name, name);
        const bool ready = EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) == 1;
        return ready && authenticate_with(mac, *key) ? 1 : 0;
    }
    const auto* key = keys.find({name, std::tuple_size_v<decltype(ticket_keys::key::name)>});
    if (key == nullptr) return 0;
    const bool ready = authenticate_with(mac, *key) &&
                       EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) == 1;
    if (!ready) return 0;
    return keys.is_current(*key) ? 1 : 2;
}

int write_ticket(SSL*, void*) { return 1; }

// A ticket keeps only the leaf of a client's chain; without its intermediates the trust check at CONNECT would fail. So
// clients with certificates do a full handshake each time, which also sees revocations.
SSL_TICKET_RETURN read_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                              void*) {
    switch (status) {
    case SSL_TICKET_SUCCESS:
        return SSL_SESSION_get0_peer(session) ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_USE;
    case SSL_TICKET_SUCCESS_RENEW:
        return SSL_SESSION_get0_peer(session) ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT: return SSL_TICKET_RETURN_IGNORE_RENEW;
    default: return SSL_TICKET_RETURN_ABORT;
    }
}

} // namespace

void seal_tickets_with(ssl_ctx_st* context, std::shared_ptr<ticket_keys> keys) {
    // A ticket is worth as much as the key that seals it lasts.
    const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(keys->settings().rotate_after);
    SSL_CTX_set_timeout(context, static_cast<long>(lifetime.count()));
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_ex_data(context, place_of_keys(), new keys_place(std::move(keys)));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_key);
    SSL_CTX_set_session_ticket_cb(context, write_ticket, read_ticket, nullptr);
}

} // namespace net
