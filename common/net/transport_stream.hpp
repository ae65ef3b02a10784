// What Beast needs to run a WebSocket over a transport, so that plain and TLS share one instantiation (the expensive
// part of this folder). For websocket.cpp and websocket_connect.cpp only.
#pragma once

#include "common/net/socket_transport.hpp"
#include "common/net/write_cork.hpp"

#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <memory>

namespace net {

/// Tries at once, waits for readiness when it would block, completes through the event loop. The operation shares the
/// transport, because Beast's own pings may outlive the WebSocket by a turn.
struct read_operation {
    std::shared_ptr<socket_transport> transport;
    asio::mutable_buffer into;
    io_result result{};
    bool done = false;

    template <class Self> void operator()(Self& self, const core::error_code& waited = {}) {
        if (done) return self.complete(result.error, result.bytes);
        if (waited) return self.complete(waited, 0);
        result = transport->read_some(std::span(static_cast<std::byte*>(into.data()), into.size()));
        if (result.would_block) {
            auto& socket = transport->socket();
            socket.async_wait(transport->read_waits_for(), std::move(self));
            return;
        }
        done = true;
        const auto executor = transport->executor();
        asio::post(executor, std::move(self));
    }
};

struct write_operation {
    static constexpr std::size_t pieces_max = 8;

    std::shared_ptr<socket_transport> transport;
    std::shared_ptr<write_cork> cork;
    std::array<core::byte_span, pieces_max> pieces{};
    std::size_t count = 0;
    io_result result{};
    bool corked = false;
    bool done = false;

    template <class Self> void operator()(Self& self, const core::error_code& waited = {}) {
        if (done) return self.complete(result.error, result.bytes);
        if (waited) return self.complete(waited, 0);
        if (!take()) {
            auto& socket = transport->socket();
            socket.async_wait(transport->write_waits_for(), std::move(self));
            return;
        }
        done = true;
        const auto executor = transport->executor();
        asio::post(executor, std::move(self));
    }

    /// False: the socket must take more first.
    bool take() {
        const std::span<const core::byte_span> all(pieces.data(), count);
        if (!corked && !cork->error() && cork->take(all)) {
            corked = true;
            for (const auto piece : all) result.bytes += piece.size();
        }
        if (corked && cork->full()) cork->flush();
        if (corked && cork->full()) return false;
        result.error = cork->error();
        if (corked || result.error) return true;
        result = transport->write_pieces(all);
        return !result.would_block;
    }
};

/// RFC 6455 §7.1.1: say that nothing follows, then read until the peer has closed too. Bounded by the stream's timeout.
struct teardown_operation {
    std::shared_ptr<socket_transport> transport;
    std::shared_ptr<write_cork> cork;
    bool begun = false;

    template <class Self> void operator()(Self& self, const core::error_code& waited = {}) {
        if (!begun && !waited && !cork->flush()) {
            auto& socket = transport->socket();
            socket.async_wait(transport->write_waits_for(), std::move(self));
            return;
        }
        if (!begun) transport->shutdown_send();
        if (!waited) {
            std::byte discarded[4096];
            io_result read;
            do read = transport->read_some(discarded);
            while (read.bytes > 0);
            if (read.would_block || !begun) {
                // The first turn always goes through the loop: completing inside the initiation is not allowed.
                const auto direction = read.would_block ? asio::socket_base::wait_read : asio::socket_base::wait_write;
                begun = true;
                auto& socket = transport->socket();
                socket.async_wait(direction, std::move(self));
                return;
            }
        }
        transport->close();
        self.complete({});
    }
};

class transport_stream {
  public:
    using executor_type = asio::any_io_executor;

    transport_stream(std::unique_ptr<socket_transport> over, bool coalesce)
        : transport_(std::move(over)), cork_(std::make_shared<write_cork>(transport_, coalesce)) {}

    executor_type get_executor() const noexcept { return transport_->executor(); }
    socket_transport& transport() const noexcept { return *transport_; }
    const std::shared_ptr<socket_transport>& shared() const noexcept { return transport_; }
    const std::shared_ptr<write_cork>& cork() const noexcept { return cork_; }

    template <class Buffers, class Token> auto async_read_some(const Buffers& buffers, Token&& token) {
        read_operation operation{transport_, {}};
        for (const asio::mutable_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
            if (operation.into.size() == 0) operation.into = buffer;
        }
        return asio::async_compose<Token, void(core::error_code, std::size_t)>(std::move(operation), token,
                                                                               get_executor());
    }

    template <class Buffers, class Token> auto async_write_some(const Buffers& buffers, Token&& token) {
        write_operation operation{transport_, cork_};
        for (const asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
            if (buffer.size() == 0 || operation.count == write_operation::pieces_max) continue;
            operation.pieces[operation.count++] = {static_cast<const std::byte*>(buffer.data()), buffer.size()};
        }
        return asio::async_compose<Token, void(core::error_code, std::size_t)>(std::move(operation), token,
                                                                               get_executor());
    }

  private:
    std::shared_ptr<socket_transport> transport_;
    std::shared_ptr<write_cork> cork_;
};

// Found by argument-dependent lookup from Beast.
inline void beast_close_socket(transport_stream& stream) { stream.transport().close(); }

inline void teardown(boost::beast::role_type, transport_stream& stream, core::error_code& error) {
    stream.transport().close();
    error = {};
}

template <class Handler> void async_teardown(boost::beast::role_type, transport_stream& stream, Handler&& handler) {
    teardown_operation operation{stream.shared(), stream.cork()};
    asio::async_compose<Handler, void(core::error_code)>(std::move(operation), handler, stream.get_executor());
}

} // namespace net
