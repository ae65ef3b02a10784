#include "common/net/socket_transport.hpp"

#include "common/async/tokens.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>

namespace net {

namespace {

using asio::ip::tcp;

io_result from_socket(std::size_t bytes, const core::error_code& error) noexcept {
    io_result result;
    if (!error)
        result.bytes = bytes;
    else if (error == asio::error::would_block || error == asio::error::try_again)
        result.would_block = true;
    else
        result.error = error;
    return result;
}

class tcp_transport final : public socket_transport {
  public:
    using socket_transport::socket_transport;

    asio::awaitable<core::error_code> handshake() override { co_return core::error_code(); }

    io_result read_some(std::span<std::byte> into) noexcept override {
        core::error_code error;
        const auto bytes = socket_.read_some(asio::buffer(into.data(), into.size()), error);
        return from_socket(bytes, error);
    }

    io_result write_some(core::byte_span from) noexcept override {
        core::error_code error;
        const auto bytes = socket_.write_some(asio::buffer(from.data(), from.size()), error);
        return from_socket(bytes, error);
    }

    io_result write_pieces(std::span<const core::byte_span> pieces) noexcept override {
        std::array<asio::const_buffer, 8> buffers;
        std::size_t count = 0;
        for (const auto piece : pieces) {
            if (count == buffers.size()) break;
            if (!piece.empty()) buffers[count++] = asio::buffer(piece.data(), piece.size());
        }
        core::error_code error;
        const auto bytes = socket_.write_some(std::span(buffers.data(), count), error);
        return from_socket(bytes, error);
    }
};

} // namespace

socket_transport::socket_transport(tcp::socket socket) : socket_(std::move(socket)) {
    // Errors here mean that the peer is gone already; the first read says so.
    core::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    remote_ = socket_.remote_endpoint(ignored);
}

asio::awaitable<core::error_code> socket_transport::wait_readable() {
    auto [error] = co_await socket_.async_wait(read_waits_for(), async::as_result);
    co_return error;
}

asio::awaitable<core::error_code> socket_transport::wait_writable() {
    auto [error] = co_await socket_.async_wait(write_waits_for(), async::as_result);
    co_return error;
}

void socket_transport::shutdown_send() noexcept {
    core::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void socket_transport::close() noexcept {
    core::error_code ignored;
    socket_.close(ignored);
}

std::string socket_transport::remote_address() const { return endpoint_text(remote_); }

std::unique_ptr<socket_transport> make_tcp_transport(tcp::socket socket) {
    return std::make_unique<tcp_transport>(std::move(socket));
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
    const auto address = endpoint.address();
    std::string text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return text + ":" + std::to_string(endpoint.port());
}

} // namespace net
