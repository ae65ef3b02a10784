#include "common/net/tls_context.hpp"

#include "common/core/log.hpp"
#include "common/net/error.hpp"
#include "common/net/tls_tickets.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <string_view>

namespace net {

namespace {

constexpr std::string_view session_context = "mqtt-service";

std::string openssl_reason() {
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return reason;
}

core::error_code bad_file(const char* what, const std::string& file, std::string& why_not) {
    why_not = std::string(what) + " " + file + " cannot be used: " + openssl_reason();
    return errc::bad_certificate_file;
}

core::error_code bad_setting(const char* what, const std::string& value, std::string& why_not) {
    why_not = std::string(what) + " `" + value + "` is not known to OpenSSL: " + openssl_reason();
    return errc::bad_tls_setting;
}

int accept_any_chain(X509_STORE_CTX*, void*) { return 1; }

void set_common(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
}

core::error_code load_pair(SSL_CTX* context, const std::string& certificate, const std::string& key,
                           std::string& why_not) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return bad_file("certificate", certificate, why_not);
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return bad_file("key", key, why_not);
    if (SSL_CTX_check_private_key(context) != 1) return bad_file("key of the certificate", key, why_not);
    return {};
}

/// Unix seconds of the certificate loaded last.
std::int64_t expiry_of(SSL_CTX* context) {
    std::tm at{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &at) != 1) return 0;
    return ::timegm(&at);
}

core::error_code load_all(SSL_CTX* context, const tls_server_options& from, std::vector<tls_certificate_info>& into,
                          std::string& why_not) {
    std::vector<tls_key_pair> pairs = from.more_certificates;
    if (!from.certificate.empty() || pairs.empty())
        pairs.insert(pairs.begin(), tls_key_pair{from.certificate, from.key});
    std::vector<int> kinds;
    for (const auto& pair : pairs) {
        if (const auto error = load_pair(context, pair.certificate, pair.key, why_not)) return error;
        // OpenSSL would silently put the second one in the place of the first.
        const int kind = EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_CTX_get0_certificate(context)));
        if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) {
            why_not = "certificate " + pair.certificate + " has the same kind of key as one before it";
            return errc::bad_certificate_file;
        }
        kinds.push_back(kind);
        into.push_back({pair.certificate, expiry_of(context)});
        if (into.back().expires_s < std::time(nullptr))
            core::log::warn("server certificate has expired", {{"file", pair.certificate}});
    }
    return {};
}

core::error_code apply_settings(SSL_CTX* context, const tls_server_options& from, std::string& why_not) {
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(context, from.min_version == tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    // Ours before the client's: a P-256 handshake costs us less than half of RSA's. Clients without AES hardware ask
    // for ChaCha20 first and get it.
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (!from.ciphers.empty() && SSL_CTX_set_cipher_list(context, from.ciphers.c_str()) != 1)
        return bad_setting("ciphers", from.ciphers, why_not);
    if (!from.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, from.ciphersuites.c_str()) != 1)
        return bad_setting("ciphersuites", from.ciphersuites, why_not);
    if (!from.curves.empty() && SSL_CTX_set1_groups_list(context, from.curves.c_str()) != 1)
        return bad_setting("curves", from.curves, why_not);
    return {};
}

void tell(const std::string& why, std::string* why_not) {
    if (why_not != nullptr)
        *why_not = why;
    else
        core::log::error("TLS cannot be set up", {{"why", why}});
}

} // namespace

void tls_context::free_context::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

core::result<std::shared_ptr<tls_context>> tls_context::server(tls_server_options options, std::string* why_not) {
    static const core::system_clock time;
    std::shared_ptr<tls_context> made(new tls_context);
    made->is_server_ = true;
    made->server_ = std::move(options);
    if (!made->server_.tickets) made->server_.tickets = std::make_shared<ticket_keys>(time);
    if (const auto loaded = made->reload(why_not); loaded.has_error()) return loaded.error();
    return made;
}

core::result<std::shared_ptr<tls_context>> tls_context::client(tls_client_options options) {
    std::shared_ptr<tls_context> made(new tls_context);
    made->client_ = std::move(options);
    if (const auto loaded = made->reload(); loaded.has_error()) return loaded.error();
    return made;
}

tls_context::~tls_context() = default;

core::result<void> tls_context::reload(std::string* why_not) {
    if (is_server_) return reload(server_, why_not);
    std::string why;
    auto made = make_client(why);
    if (made.has_error()) {
        tell(why, why_not);
        return made.error();
    }
    context_ = std::move(*made);
    std::signal(SIGPIPE, SIG_IGN);
    return {};
}

core::result<void> tls_context::reload(tls_server_options options, std::string* why_not) {
    options.tickets = server_.tickets;
    options.pacer = server_.pacer;
    std::string why;
    std::vector<tls_certificate_info> shown;
    auto made = make_server(options, shown, why);
    if (made.has_error()) {
        tell(why, why_not);
        return made.error();
    }
    context_ = std::move(*made);
    server_ = std::move(options);
    certificates_ = std::move(shown);
    std::signal(SIGPIPE, SIG_IGN);
    return {};
}

ssl_st* tls_context::new_session() const noexcept { return SSL_new(context_.get()); }

core::result<tls_context::context_ptr> tls_context::make_server(const tls_server_options& from,
                                                                std::vector<tls_certificate_info>& into,
                                                                std::string& why_not) {
    context_ptr made(SSL_CTX_new(TLS_server_method()));
    if (!made) return bad_file("server context", {}, why_not);
    set_common(made.get());
    if (const auto error = apply_settings(made.get(), from, why_not)) return error;
    if (const auto error = load_all(made.get(), from, into, why_not)) return error;
    SSL_CTX_set_session_id_context(made.get(), reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned>(session_context.size()));
    seal_tickets_with(made.get(), from.tickets);
    if (from.ask_for_client_certificate) {
        SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(made.get(), accept_any_chain, nullptr);
    }
    return made;
}

core::result<tls_context::context_ptr> tls_context::make_client(std::string& why_not) const {
    context_ptr made(SSL_CTX_new(TLS_client_method()));
    if (!made) return bad_file("client context", {}, why_not);
    set_common(made.get());
    if (!client_.certificate.empty()) {
        if (const auto error = load_pair(made.get(), client_.certificate, client_.key, why_not)) return error;
    }
    ERR_clear_error();
    if (client_.ca_file.empty())
        SSL_CTX_set_default_verify_paths(made.get());
    else if (SSL_CTX_load_verify_file(made.get(), client_.ca_file.c_str()) != 1)
        return bad_file("trust anchors", client_.ca_file, why_not);
    SSL_CTX_set_verify(made.get(), client_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    return made;
}

} // namespace net
