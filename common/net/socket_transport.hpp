// A transport over a TCP socket. For the .cpp files of this folder: it shows the Asio socket that the others must not
// see.
#pragma once

#include "common/net/transport.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace net {

class tls_context;

class socket_transport : public transport {
  public:
    /// Takes a connected socket; makes it non-blocking, without Nagle's delay.
    explicit socket_transport(asio::ip::tcp::socket socket);

    asio::awaitable<core::error_code> wait_readable() override;
    asio::awaitable<core::error_code> wait_writable() override;
    void shutdown_send() noexcept override;
    void close() noexcept override;
    std::string remote_address() const override;
    asio::any_io_executor executor() override { return socket_.get_executor(); }

    /// What must be awaited after would_block.
    virtual asio::socket_base::wait_type read_waits_for() const noexcept { return asio::socket_base::wait_read; }
    virtual asio::socket_base::wait_type write_waits_for() const noexcept { return asio::socket_base::wait_write; }
    asio::ip::tcp::socket& socket() noexcept { return socket_; }

  protected:
    asio::ip::tcp::socket socket_;

  private:
    asio::ip::tcp::endpoint remote_;
};

std::unique_ptr<socket_transport> make_tcp_transport(asio::ip::tcp::socket socket);
/// `host` is the name a client checks the server's certificate for and sends as SNI; empty for a server.
std::unique_ptr<socket_transport> make_tls_transport(asio::ip::tcp::socket socket, const tls_context& context,
                                                     const std::string& host);

/// "1.2.3.4:5" and "[::1]:5".
std::string endpoint_text(const asio::ip::tcp::endpoint& endpoint);

} // namespace net
