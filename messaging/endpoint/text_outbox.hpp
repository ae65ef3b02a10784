// Text frames on their way out of one WebSocket, in order, each its own message; the way to close it in order as well.
// Shared by one connection's reader (which fills it) and writer (which runs it).
#pragma once

#include "common/async/event.hpp"
#include "common/net/websocket.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace messaging::endpoint {

namespace asio = boost::asio;

class text_outbox {
  public:
    explicit text_outbox(asio::any_io_executor executor) : wake_(std::move(executor)) {}

    /// Dropped once closing.
    void push(std::string frame);
    /// Closes when everything pushed before was written. The first call counts.
    void close(std::uint16_t code, std::string_view reason);
    /// As close, and drops what waits: for a client that shall get nothing any more.
    void close_now(std::uint16_t code, std::string_view reason);

    bool closing() const noexcept { return code_ != 0; }
    std::size_t bytes() const noexcept { return bytes_; }
    std::uint16_t close_code() const noexcept { return code_; }
    const std::string& close_reason() const noexcept { return reason_; }

    /// The writer: ends after a close, when the connection fails (which it then aborts), or cancelled. `to` coalesces.
    /// `written` is called after some frames left.
    asio::awaitable<void> run(net::websocket& to, std::function<void()> written);

  private:
    std::deque<std::string> frames_;
    std::size_t bytes_ = 0;
    std::uint16_t code_ = 0;
    std::string reason_;
    async::event wake_;
};

} // namespace messaging::endpoint
