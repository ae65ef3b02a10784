#include "common/net/tls_context.hpp"

#include "common/core/log.hpp"
#include "common/net/error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <string_view>

namespace net {

namespace {

constexpr std::string_view session_context = "mqtt-service";

core::error_code refused(const char* what, const std::string& file) {
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    core::log::error("TLS file cannot be used", {{"what", what}, {"file", file}, {"reason", reason}});
    return errc::bad_certificate_file;
}

int accept_any_chain(X509_STORE_CTX*, void*) { return 1; }

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

void set_common(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
}

core::error_code load_pair(SSL_CTX* context, const std::string& certificate, const std::string& key) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return refused("certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return refused("key", key);
    if (SSL_CTX_check_private_key(context) != 1) return refused("key of the certificate", key);
    return {};
}

} // namespace

void tls_context::free_context::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

core::result<std::shared_ptr<tls_context>> tls_context::server(tls_server_options options) {
    std::shared_ptr<tls_context> made(new tls_context);
    made->is_server_ = true;
    made->server_ = std::move(options);
    if (const auto loaded = made->reload(); loaded.has_error()) return loaded.error();
    return made;
}

core::result<std::shared_ptr<tls_context>> tls_context::client(tls_client_options options) {
    std::shared_ptr<tls_context> made(new tls_context);
    made->client_ = std::move(options);
    if (const auto loaded = made->reload(); loaded.has_error()) return loaded.error();
    return made;
}

tls_context::~tls_context() = default;

core::result<void> tls_context::reload() {
    auto made = is_server_ ? make_server() : make_client();
    if (made.has_error()) return made.error();
    context_ = std::move(*made);
    std::signal(SIGPIPE, SIG_IGN);
    return {};
}

ssl_st* tls_context::new_session() const noexcept { return SSL_new(context_.get()); }

core::result<tls_context::context_ptr> tls_context::make_server() const {
    context_ptr made(SSL_CTX_new(TLS_server_method()));
    if (!made) return refused("server context", {});
    set_common(made.get());
    if (const auto error = load_pair(made.get(), server_.certificate, server_.key)) return error;
    SSL_CTX_set_session_id_context(made.get(), reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned>(session_context.size()));
    SSL_CTX_set_num_tickets(made.get(), 1);
    SSL_CTX_set_session_ticket_cb(made.get(), write_ticket, read_ticket, nullptr);
    if (server_.ask_for_client_certificate) {
        SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(made.get(), accept_any_chain, nullptr);
    }
    return made;
}

core::result<tls_context::context_ptr> tls_context::make_client() const {
    context_ptr made(SSL_CTX_new(TLS_client_method()));
    if (!made) return refused("client context", {});
    set_common(made.get());
    if (!client_.certificate.empty()) {
        if (const auto error = load_pair(made.get(), client_.certificate, client_.key)) return error;
    }
    ERR_clear_error();
    if (client_.ca_file.empty())
        SSL_CTX_set_default_verify_paths(made.get());
    else if (SSL_CTX_load_verify_file(made.get(), client_.ca_file.c_str()) != 1)
        return refused("trust anchors", client_.ca_file);
    SSL_CTX_set_verify(made.get(), client_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    return made;
}

} // namespace net
