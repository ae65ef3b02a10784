// A WebSocket message stream (RFC 6455), client or server, over TCP or TLS. One read and one write may be outstanding
// at the same time; keep a read pending always, because it also answers pings and notices the peer's close. One thread.
// Keep-alive: after half of `idle_timeout` without a byte from the peer a ping is sent, after all of it every pending
// operation fails with `errc::timeout`. No permessage-deflate; each message is written as one frame.
#pragma once

#include "common/core/bytes.hpp"
#include "common/core/error.hpp"
#include "common/net/http.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace net {

namespace asio = boost::asio;

class websocket {
  public:
    /// Pending operations must have ended: `abort()`, then await them.
    virtual ~websocket() = default;

    /// One whole message, replacing the content of `into`, whose memory is used again: keep one string per connection.
    /// Errors: `errc::closed_by_peer` after a close handshake, `errc::message_too_large` (the peer was told 1009),
    /// `errc::timeout`, Asio's codes.
    virtual asio::awaitable<core::result<std::size_t>> read(std::string& into) = 0;
    /// About the message read last.
    virtual bool last_was_text() const noexcept = 0;

    /// Resolves when the message was handed to the kernel (with `coalesce`: taken, to be handed over at the end of this
    /// turn); the bytes must stay until then.
    virtual asio::awaitable<core::error_code> write(core::byte_span message, bool text) = 0;

    /// Servers with `coalesce` only: takes a whole message at once, to be sent at the end of this turn. False, and
    /// nothing taken, when so much waits that `drained` is to be awaited first, or nothing can be sent any more. Not
    /// together with `write`.
    virtual bool put(core::byte_span message, bool text) = 0;
    /// Resolves when `put` may be called again; with the error when nothing can be sent any more.
    virtual asio::awaitable<core::error_code> drained() = 0;

    /// The close handshake, bounded by `close_timeout`; then TCP is closed. Not together with a pending write of ours.
    /// `reason` is cut to 123 bytes (RFC 6455 §5.5).
    virtual asio::awaitable<core::error_code> close(std::uint16_t code, std::string_view reason) = 0;

    /// Ends the connection without a handshake; pending operations fail. Idempotent.
    virtual void abort() noexcept = 0;

    virtual std::string remote_address() const = 0;
    virtual asio::any_io_executor executor() = 0;
    /// Code and reason of the peer's close frame, 0 when it sent none.
    virtual std::uint16_t close_code() const noexcept = 0;
    virtual std::string close_reason() const = 0;
};

struct websocket_options {
    std::chrono::milliseconds idle_timeout{15'000};
    std::chrono::milliseconds close_timeout{5'000};
    std::size_t message_bytes_max = 256 * 1024;
    bool coalesce = false;   ///< small messages of one turn of the loop leave together, at its end
    std::string subprotocol; ///< server: the one chosen; client: the one asked for

    websocket_options() = default;
};

struct websocket_target {
    std::string url; ///< ws:// or wss://
    http_headers headers;
    std::string ca_file;                               ///< PEM; empty: the system's trust anchors
    std::chrono::milliseconds connect_timeout{10'000}; ///< for everything until the upgrade is done
    websocket_options options;

    websocket_target() = default;
};

/// What the server answered instead of 101.
struct upgrade_refusal {
    unsigned status = 0;
    std::string body;
};

/// Connects, does TLS when asked, upgrades. Runs on the executor of the awaiting coroutine.
/// Errors: `errc::upgrade_refused` (then `refusal`, when given, tells what the server said), `errc::timeout`,
/// `errc::bad_url`, `errc::certificate_refused`, `errc::bad_certificate_file`, Asio's codes.
asio::awaitable<core::result<std::unique_ptr<websocket>>> websocket_connect(websocket_target target,
                                                                            upgrade_refusal* refusal = nullptr);

} // namespace net
