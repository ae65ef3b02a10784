#include "tests/integration/common/openssl_client.hpp"

#include "tests/integration/common/net_fixture.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace fixture {

namespace {

int open_socket(std::uint16_t port) {
    const int made = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        ::close(made);
        return -1;
    }
    return made;
}

std::shared_ptr<SSL_CTX> make_context(const openssl_offer& with) {
    std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_load_verify_file(made.get(), certificates::get().ca.c_str());
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
    if (!with.signature_algorithms.empty()) SSL_CTX_set1_sigalgs_list(made.get(), with.signature_algorithms.c_str());
    if (!with.ciphers.empty()) SSL_CTX_set_cipher_list(made.get(), with.ciphers.c_str());
    if (with.max_version != 0) SSL_CTX_set_max_proto_version(made.get(), with.max_version);
    if (with.device_certificate) {
        SSL_CTX_use_certificate_chain_file(made.get(), certificates::get().device_chain.c_str());
        SSL_CTX_use_PrivateKey_file(made.get(), certificates::get().device_key.c_str(), SSL_FILETYPE_PEM);
    }
    return made;
}

std::string common_name(SSL* of) {
    X509* shown = SSL_get1_peer_certificate(of);
    if (shown == nullptr) return {};
    char text[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text, sizeof text);
    X509_free(shown);
    return text;
}

} // namespace

openssl_outcome openssl_connect(std::uint16_t port, openssl_offer with) {
    openssl_outcome result;
    const int descriptor = open_socket(port);
    if (descriptor < 0) return result;
    const auto context = make_context(with);
    const std::shared_ptr<SSL> over(SSL_new(context.get()), SSL_free);
    SSL_set_fd(over.get(), descriptor);
    if (!with.server_name.empty()) SSL_set_tlsext_host_name(over.get(), with.server_name.c_str());
    if (with.session) SSL_set_session(over.get(), with.session.get());
    if (SSL_connect(over.get()) == 1) {
        result.connected = true;
        result.version = SSL_get_version(over.get());
        result.cipher = SSL_get_cipher_name(over.get());
        result.server_common_name = common_name(over.get());
        result.resumed = SSL_session_reused(over.get()) == 1;
        SSL_write(over.get(), "ping.", 5);
        char some[100];
        while (result.echo.find('.') == std::string::npos) {
            const int got = SSL_read(over.get(), some, sizeof some);
            if (got <= 0) break;
            result.echo.append(some, static_cast<std::size_t>(got));
        }
        result.session.reset(SSL_get1_session(over.get()), SSL_SESSION_free);
        SSL_shutdown(over.get());
    }
    ::close(descriptor);
    return result;
}

} // namespace fixture
