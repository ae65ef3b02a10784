#include "tests/bench/load/starter.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

namespace bench {
namespace {

int keep_ticket(SSL* of, SSL_SESSION* ticket) {
    static_cast<starter*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(of)))->remember(ticket);
    return 1; // it is ours now
}

} // namespace

starter::starter(const options& given) : options_(given) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(given.host.c_str(), std::to_string(given.port).c_str(), &hints, &found);
    if (failed != 0) {
        problem_ = given.host + ": " + gai_strerror(failed);
        return;
    }
    std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
    address_bytes_ = found->ai_addrlen;
    freeaddrinfo(found);
    if (given.tls) make_context();
}

starter::~starter() {
    SSL_SESSION_free(ticket_);
    SSL_CTX_free(context_);
}

void starter::make_context() {
    context_ = client_tls_context();
    if (!options_.tls_resume) return;
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, keep_ticket);
}

void starter::remember(ssl_session_st* ticket) noexcept {
    SSL_SESSION_free(ticket_);
    ticket_ = ticket;
}

bool starter::bind_source(int descriptor) noexcept {
    if (options_.source_addresses < 2 || address_.ss_family != AF_INET) return true;
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + next_source_++ % options_.source_addresses);
    // The port is chosen by connect, when the peer is known: otherwise each port serves one connection only.
    const int on = 1;
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(descriptor, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0;
}

connection starter::start() {
    connection made(socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made.is_open()) return {};
    // No TCP_NODELAY: question and answer take turns, so nothing is ever held back.
    const bool started =
        bind_source(made.descriptor()) &&
        (connect(made.descriptor(), reinterpret_cast<const sockaddr*>(&address_), address_bytes_) == 0 ||
         errno == EINPROGRESS);
    if (!started || (context_ != nullptr && !made.prepare_tls(context_, ticket_))) {
        const int why = started ? ENOMEM : errno;
        made.close();
        errno = why;
        return {};
    }
    return made;
}

} // namespace bench
