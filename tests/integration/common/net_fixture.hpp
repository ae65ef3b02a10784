// A loop, certificates made for this run, and a raw peer that sends what no library would.
#pragma once

#include "common/async/tokens.hpp"
#include "common/net/acceptor.hpp"
#include "common/net/http_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace fixture {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// PEM files of a CA, a server (localhost, 127.0.0.1; P-256 and RSA), and a device with an intermediate; made once a
/// program.
struct certificates {
    std::string ca, server, server_key, server_rsa, server_rsa_key, device_chain, device_key, other_ca;
    static const certificates& get();
};

std::shared_ptr<net::tls_context> server_tls(bool ask_for_client = false);
std::shared_ptr<net::tls_context> client_tls(bool with_device_certificate = false);

/// Runs the loop until `body` ends; fails the test after 30 s, and passes on what `body` throws.
void run(asio::io_context& loop, asio::awaitable<void> body);

/// Blocking-style calls over one plain connection.
class raw_peer {
  public:
    static asio::awaitable<std::unique_ptr<raw_peer>> connect(std::uint16_t port,
                                                              std::shared_ptr<net::tls_context> tls = nullptr);
    explicit raw_peer(std::unique_ptr<net::transport> over) : transport_(std::move(over)) {}

    asio::awaitable<core::error_code> send(std::string bytes);
    /// Everything until the peer ends the connection, or `until` has been seen.
    asio::awaitable<std::string> receive(std::string until = {});
    net::transport& transport() noexcept { return *transport_; }

  private:
    std::unique_ptr<net::transport> transport_;
};

} // namespace fixture
