#include "common/net/error.hpp"
#include "common/net/transport_stream.hpp"
#include "common/net/websocket_stream.hpp"

#include "common/async/tokens.hpp"

#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace net {

namespace {

namespace beast = boost::beast;
namespace ws = boost::beast::websocket;

/// One send for a frame of the link's size (64 KiB and its header) instead of sixteen.
constexpr std::size_t write_buffer_bytes = 65536 + 512;

/// Beast's dynamic buffer over a string that keeps its length between messages, so that its bytes are not cleared anew.
class string_buffer {
  public:
    using const_buffers_type = asio::const_buffer;
    using mutable_buffers_type = asio::mutable_buffer;

    explicit string_buffer(std::string& text) : text_(&text) {}
    std::size_t size() const noexcept { return size_; }
    std::size_t max_size() const noexcept { return std::numeric_limits<std::size_t>::max() / 2; }
    std::size_t capacity() const noexcept { return text_->size(); }
    const_buffers_type data() const noexcept { return {text_->data(), size_}; }
    mutable_buffers_type prepare(std::size_t bytes) {
        if (text_->size() < size_ + bytes) text_->resize(size_ + bytes);
        return {text_->data() + size_, bytes};
    }
    void commit(std::size_t bytes) noexcept { size_ += bytes; }
    void consume(std::size_t) noexcept { size_ = 0; }

  private:
    std::string* text_;
    std::size_t size_ = 0;
};

core::error_code translate(const core::error_code& error) {
    if (error == ws::error::closed) return errc::closed_by_peer;
    if (error == ws::error::message_too_big || error == ws::error::buffer_overflow) return errc::message_too_large;
    if (error == beast::error::timeout) return errc::timeout;
    return error;
}

/// RFC 6455 §5.2, a whole message in one unmasked frame.
std::size_t frame_header(std::size_t bytes, bool text, std::byte* into) noexcept {
    into[0] = static_cast<std::byte>(text ? 0x81 : 0x82);
    if (bytes < 126) {
        into[1] = static_cast<std::byte>(bytes);
        return 2;
    }
    if (bytes <= 0xFFFF) {
        into[1] = std::byte{126};
        core::store_big_endian(into + 2, static_cast<std::uint16_t>(bytes));
        return 4;
    }
    into[1] = std::byte{127};
    core::store_big_endian(into + 2, static_cast<std::uint64_t>(bytes));
    return 10;
}

class stream_websocket final : public websocket {
  public:
    stream_websocket(std::unique_ptr<socket_transport> over, const websocket_options& options, bool is_client)
        : remote_(over->remote_address()), stream_(transport_stream(std::move(over), options.coalesce)) {
        ws::stream_base::timeout timeouts;
        timeouts.handshake_timeout = options.close_timeout;
        timeouts.idle_timeout = options.idle_timeout;
        timeouts.keep_alive_pings = true;
        stream_.set_option(timeouts);
        stream_.auto_fragment(false);
        stream_.read_message_max(options.message_bytes_max);
        if (is_client) stream_.write_buffer_bytes(write_buffer_bytes);
    }

    asio::awaitable<core::result<std::size_t>> read(std::string& into) override {
        string_buffer buffer(into);
        auto [error, bytes] = co_await stream_.async_read(buffer, async::as_result);
        into.resize(buffer.size());
        if (error) co_return translate(error);
        co_return bytes;
    }

    bool last_was_text() const noexcept override { return stream_.got_text(); }

    asio::awaitable<core::error_code> write(core::byte_span message, bool text) override {
        stream_.text(text);
        auto [error, bytes] =
            co_await stream_.async_write(asio::const_buffer(message.data(), message.size()), async::as_result);
        (void)bytes;
        co_return translate(error);
    }

    bool put(core::byte_span message, bool text) override {
        if (closing_ || !stream_.is_open()) return false;
        std::byte header[10];
        const std::size_t header_bytes = frame_header(message.size(), text, header);
        const core::byte_span pieces[2] = {{header, header_bytes}, message};
        return stream_.next_layer().cork()->take_now(pieces);
    }

    asio::awaitable<core::error_code> drained() override {
        auto& below = stream_.next_layer();
        for (;;) {
            if (closing_ || !stream_.is_open()) co_return asio::error::operation_aborted;
            const auto cork = below.cork();
            if (cork->error()) co_return cork->error();
            if (!cork->full()) co_return core::error_code{};
            auto [error] =
                co_await below.transport().socket().async_wait(below.transport().write_waits_for(), async::as_result);
            if (error) co_return error;
            cork->flush();
        }
    }

    asio::awaitable<core::error_code> close(std::uint16_t code, std::string_view reason) override {
        if (std::exchange(closing_, true)) co_return asio::error::already_started;
        constexpr std::size_t reason_bytes_max = 123;
        ws::close_reason with;
        with.code = code;
        with.reason.assign(reason.data(), std::min(reason.size(), reason_bytes_max));
        auto [error] = co_await stream_.async_close(with, async::as_result);
        co_return translate(error);
    }

    void abort() noexcept override { stream_.next_layer().transport().close(); }
    std::string remote_address() const override { return remote_; }
    asio::any_io_executor executor() override { return stream_.get_executor(); }
    std::uint16_t close_code() const noexcept override { return stream_.reason().code; }
    std::string close_reason() const override { return std::string(stream_.reason().reason.c_str()); }

    ws::stream<transport_stream, false>& stream() noexcept { return stream_; }

  private:
    std::string remote_;
    ws::stream<transport_stream, false> stream_;
    bool closing_ = false;
};

} // namespace

asio::awaitable<core::result<std::unique_ptr<websocket>>>
websocket_accept(std::unique_ptr<socket_transport> over, upgrade_request request, websocket_options options) {
    auto made = std::make_unique<stream_websocket>(std::move(over), options, false);
    if (!options.subprotocol.empty()) {
        made->stream().set_option(
            ws::stream_base::decorator([chosen = options.subprotocol](ws::response_type& response) {
                response.set(beast::http::field::sec_websocket_protocol, chosen);
            }));
    }
    auto [error] = co_await made->stream().async_accept(request, async::as_result);
    if (error) co_return translate(error);
    std::unique_ptr<websocket> accepted = std::move(made);
    co_return accepted;
}

asio::awaitable<core::result<std::unique_ptr<websocket>>>
websocket_upgrade(std::unique_ptr<socket_transport> over, std::string authority, std::string path, http_headers headers,
                  websocket_options options, upgrade_refusal* refusal) {
    auto made = std::make_unique<stream_websocket>(std::move(over), options, true);
    if (!options.subprotocol.empty()) headers.set("Sec-WebSocket-Protocol", options.subprotocol);
    made->stream().set_option(ws::stream_base::decorator([headers](ws::request_type& request) {
        for (const auto& [name, value] : headers.entries()) request.set(name, value);
    }));
    ws::response_type response;
    auto [error] = co_await made->stream().async_handshake(response, authority, path, async::as_result);
    if (error == ws::error::upgrade_declined) {
        if (refusal) {
            refusal->status = response.result_int();
            refusal->body = response.body();
        }
        co_return make_error_code(errc::upgrade_refused);
    }
    if (error) co_return translate(error);
    std::unique_ptr<websocket> connected = std::move(made);
    co_return connected;
}

} // namespace net
