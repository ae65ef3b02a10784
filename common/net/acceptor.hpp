// Listens on one address and port, and connects to others: the makers of transports. Sockets get TCP_NODELAY.
#pragma once

#include "common/net/tls_context.hpp"
#include "common/net/transport.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace net {

class socket_transport;

struct acceptor_options {
    std::string address = "0.0.0.0";
    std::uint16_t port = 0;           ///< 0: the system chooses
    std::shared_ptr<tls_context> tls; ///< null: plain TCP
    int backlog = 4096;

    acceptor_options() = default;
};

class acceptor {
  public:
    acceptor(asio::any_io_executor executor, acceptor_options options);
    ~acceptor();
    acceptor(const acceptor&) = delete;
    acceptor& operator=(const acceptor&) = delete;

    /// Binds and listens. Errors: `errc::bad_address`, Asio's codes (address_in_use …).
    core::result<void> open();
    /// The port in use after `open`.
    std::uint16_t port() const noexcept;

    /// The next connection, before its handshake: do that in the connection's own task, bounded, so that a slow peer
    /// holds up nobody. Out of descriptors it pauses and tries again. Fails only when closed or cancelled.
    asio::awaitable<core::result<std::unique_ptr<transport>>> accept();
    /// The same for those who need the socket below (http_server).
    asio::awaitable<core::result<std::unique_ptr<socket_transport>>> accept_socket();

    void close() noexcept;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

/// Resolves `host`, tries its addresses in order, and does the TLS handshake when `tls` is given: SNI and the check of
/// the certificate's name use `host`. Errors: `errc::timeout`, `errc::certificate_refused`, Asio's codes.
asio::awaitable<core::result<std::unique_ptr<transport>>> connect_transport(std::string host, std::uint16_t port,
                                                                            std::shared_ptr<tls_context> tls,
                                                                            std::chrono::milliseconds timeout);
asio::awaitable<core::result<std::unique_ptr<socket_transport>>> connect_socket(std::string host, std::uint16_t port,
                                                                                std::shared_ptr<tls_context> tls,
                                                                                std::chrono::milliseconds timeout);

} // namespace net
