// A byte stream to one peer, plain or TLS, readiness based: await `wait_readable`, then take what is there with the
// synchronous `read_some`, so that thousands of idle connections share one read buffer (design §8). One thread.
// Made by `acceptor` and `connect_transport`; owned by its connection. No Asio stream type appears here.
#pragma once

#include "common/core/bytes.hpp"
#include "common/core/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace net {

namespace asio = boost::asio;

/// Either bytes > 0, or would_block, or an error (the peer's orderly end is `asio::error::eof`). An empty span gives
/// all zero.
struct io_result {
    std::size_t bytes = 0;
    bool would_block = false;
    core::error_code error;
};

/// What the peer showed in the TLS handshake: leaf first, DER. Nobody judged it yet.
struct peer_certificates {
    std::vector<std::string> der;
    std::string common_name; ///< of the leaf's subject, empty when it has none
};

/// How a connection is protected; the text lives for ever.
struct connection_security {
    std::string_view protocol; ///< `TLSv1.3`; empty: plain
    bool resumed = false;      ///< by a session ticket
};

class transport {
  public:
    virtual ~transport() = default;

    /// Must complete before anything else; resolves at once for plain TCP. No bound of its own: `close` ends it.
    virtual asio::awaitable<core::error_code> handshake() = 0;

    /// Resolves when `read_some` can make progress. Fails with `operation_aborted` when closed or cancelled meanwhile.
    /// One wait for reading and one for writing may be outstanding at the same time.
    virtual asio::awaitable<core::error_code> wait_readable() = 0;
    virtual asio::awaitable<core::error_code> wait_writable() = 0;

    /// Never blocks. Data that TLS has decrypted already makes the next `wait_readable` return at once, so stopping
    /// before would_block loses nothing; reading until would_block saves a turn of the loop.
    virtual io_result read_some(std::span<std::byte> into) noexcept = 0;

    /// Never blocks; may take a part. After would_block the next write must begin with the same bytes and not be
    /// shorter (TLS has encrypted some of them already); the bytes may have moved in memory, more may follow.
    virtual io_result write_some(core::byte_span from) noexcept = 0;

    /// Several pieces as one write, for a header before a body. The same rule after would_block, counted over the
    /// whole.
    virtual io_result write_pieces(std::span<const core::byte_span> pieces) noexcept;

    /// Tells the peer that nothing follows; reading goes on. Closing with unread input resets a TCP connection, which
    /// can take what was written last with it.
    virtual void shutdown_send() noexcept = 0;

    /// Ends the connection and every wait; idempotent, and the only call that is allowed afterwards. TLS says goodbye
    /// if it can at once.
    virtual void close() noexcept = 0;

    /// `address:port`, also after `close`.
    virtual std::string remote_address() const = 0;
    virtual asio::any_io_executor executor() = 0;
    /// Empty for plain TCP and for a peer that showed no certificate.
    virtual const peer_certificates& peer() const noexcept;
    /// After the handshake.
    virtual connection_security security() const noexcept { return {}; }
};

} // namespace net
