// TLS directly on the descriptor: OpenSSL reads and writes the non-blocking socket itself, so a connection needs none
// of asio::ssl::stream's buffers (16 instead of 77 KiB when idle), and plain and TLS connections are driven alike.
#include "common/net/error.hpp"
#include "common/net/socket_transport.hpp"
#include "common/net/tls_context.hpp"

#include "common/async/tokens.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace net {

namespace {

using asio::ip::tcp;
using wait_type = asio::socket_base::wait_type;

struct free_session {
    void operator()(SSL* session) const noexcept { SSL_free(session); }
};
struct free_certificate {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

void append_der(std::vector<std::string>& to, X509* certificate) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509(certificate, &encoded);
    if (size <= 0) return;
    to.emplace_back(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
    OPENSSL_free(encoded);
}

std::string common_name_of(X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return name;
}

class tls_transport final : public socket_transport {
  public:
    tls_transport(tcp::socket socket, const tls_context& context, const std::string& host)
        : socket_transport(std::move(socket)), session_(context.new_session()), pacer_(context.pacer()),
          is_server_(context.is_server()) {
        if (!session_) return;
        SSL_set_fd(session_.get(), static_cast<int>(socket_.native_handle()));
        if (is_server_)
            SSL_set_accept_state(session_.get());
        else
            name_server(host);
    }
    ~tls_transport() override { close(); }

    asio::awaitable<core::error_code> handshake() override {
        if (!session_) co_return make_error_code(asio::error::no_memory);
        if (is_server_) { // who says nothing costs no buffers, and no turn of those that do
            auto [error] = co_await socket_.async_wait(asio::socket_base::wait_read, async::as_result);
            if (error) co_return error;
        }
        for (;;) {
            io_result blocked;
            bool done = false;
            if (pacer_) {
                const auto step = co_await pacer_->next();
                done = step_of_handshake(blocked);
            } else {
                done = step_of_handshake(blocked);
            }
            if (done) break;
            if (!blocked.would_block) co_return handshake_error(blocked.error);
            auto [error] = co_await socket_.async_wait(read_wait_, async::as_result);
            if (error) co_return error;
        }
        pacer_.reset();
        established_ = true;
        keep_peer();
        co_return core::error_code();
    }

    asio::awaitable<core::error_code> wait_readable() override {
        // Decrypted data, or records read ahead, never make the socket readable.
        if (undrained_ && socket_.is_open()) {
            co_await asio::post(socket_.get_executor(), asio::use_awaitable); // others have their turn
            co_return core::error_code();
        }
        auto [error] = co_await socket_.async_wait(read_wait_, async::as_result);
        co_return error;
    }

    io_result read_some(std::span<std::byte> into) noexcept override {
        io_result result;
        if (into.empty()) return result;
        if (!usable(result)) return result;
        ERR_clear_error();
        // A record has 16 KiB at most; fewer bytes than asked for mean that no more are there, as with TCP.
        while (result.bytes < into.size()) {
            std::size_t more = 0;
            const int done = SSL_read_ex(session_.get(), into.data() + result.bytes, into.size() - result.bytes, &more);
            if (done != 1) {
                const auto end = failed(done, read_wait_);
                undrained_ = !end.would_block; // an error comes again with the next call
                return result.bytes == 0 ? end : result;
            }
            result.bytes += more;
        }
        undrained_ = true;
        return result;
    }

    io_result write_some(core::byte_span from) noexcept override {
        io_result result;
        if (from.empty()) return result;
        if (!usable(result)) return result;
        if (goodbye_said_) {
            result.error = asio::error::shut_down;
            return result;
        }
        ERR_clear_error();
        const int done = SSL_write_ex(session_.get(), from.data(), from.size(), &result.bytes);
        if (done != 1) result = failed(done, write_wait_);
        return result;
    }

    io_result write_pieces(std::span<const core::byte_span> pieces) noexcept override {
        // One record for a small header and the beginning of its body, instead of one for each. Taking the same pieces
        // gives the same bytes, which the rule after would_block demands.
        static thread_local std::byte record[16 * 1024];
        std::size_t used = 0;
        for (const auto piece : pieces) {
            if (used == 0 && piece.size() >= sizeof record) return write_some(piece);
            const std::size_t taken = std::min(piece.size(), sizeof record - used);
            if (taken != 0) std::memcpy(record + used, piece.data(), taken);
            used += taken;
            if (used == sizeof record) break;
        }
        return write_some(core::byte_span(record, used));
    }

    void close() noexcept override {
        if (socket_.is_open()) say_goodbye();
        socket_transport::close();
    }

    void shutdown_send() noexcept override {
        say_goodbye();
        socket_transport::shutdown_send();
    }

    wait_type read_waits_for() const noexcept override { return read_wait_; }
    wait_type write_waits_for() const noexcept override { return write_wait_; }
    const peer_certificates& peer() const noexcept override { return peer_; }
    connection_security security() const noexcept override {
        return {SSL_get_version(session_.get()), SSL_session_reused(session_.get()) == 1};
    }

  private:
    /// True when the handshake is complete; else `blocked` says how to go on.
    bool step_of_handshake(io_result& blocked) noexcept {
        if (!socket_.is_open()) {
            blocked.error = asio::error::operation_aborted;
            return false;
        }
        ERR_clear_error();
        const int done = SSL_do_handshake(session_.get());
        if (done != 1) blocked = failed(done, read_wait_);
        return done == 1;
    }

    void name_server(const std::string& host) {
        SSL_set_connect_state(session_.get());
        core::error_code not_an_address;
        (void)asio::ip::make_address(host, not_an_address);
        if (not_an_address) {
            SSL_set_tlsext_host_name(session_.get(), host.c_str());
            SSL_set1_host(session_.get(), host.c_str());
        } else {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), host.c_str());
        }
    }

    bool usable(io_result& result) const noexcept {
        if (fatal_)
            result.error = fatal_;
        else if (!socket_.is_open() || !established_)
            result.error = asio::error::bad_descriptor;
        return !result.error;
    }

    /// Turns what OpenSSL says into a result; `wait` becomes what must be awaited before the same call again.
    io_result failed(int returned, wait_type& wait) noexcept {
        io_result result;
        const int system_error = errno;
        switch (SSL_get_error(session_.get(), returned)) {
        case SSL_ERROR_WANT_READ:
            wait = asio::socket_base::wait_read;
            result.would_block = true;
            return result;
        case SSL_ERROR_WANT_WRITE:
            wait = asio::socket_base::wait_write;
            result.would_block = true;
            return result;
        case SSL_ERROR_ZERO_RETURN: result.error = asio::error::eof; return result;
        case SSL_ERROR_SYSCALL:
            if (system_error == 0)
                result.error = asio::error::eof;
            else
                result.error = core::error_code(system_error, boost::system::system_category());
            break;
        default:
            result.error = core::error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
            if (!result.error) result.error = asio::error::eof;
        }
        fatal_ = result.error;
        return result;
    }

    core::error_code handshake_error(const core::error_code& error) noexcept {
        fatal_ = error;
        if (!is_server_ && SSL_get_verify_result(session_.get()) != X509_V_OK) return errc::certificate_refused;
        return error;
    }

    void say_goodbye() noexcept {
        if (!established_ || fatal_ || goodbye_said_) return;
        ERR_clear_error();
        (void)SSL_shutdown(session_.get()); // best effort: it may not fit the socket's buffer
        goodbye_said_ = true;               // reading goes on: the peer may not have finished
    }

    void keep_peer() {
        const std::unique_ptr<X509, free_certificate> leaf(SSL_get1_peer_certificate(session_.get()));
        if (!leaf) return;
        append_der(peer_.der, leaf.get());
        peer_.common_name = common_name_of(leaf.get());
        // OpenSSL's chain begins with the leaf on the client's side only.
        const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(session_.get());
        for (int i = is_server_ ? 0 : 1; i < sk_X509_num(chain); ++i) append_der(peer_.der, sk_X509_value(chain, i));
    }

    std::unique_ptr<SSL, free_session> session_;
    std::shared_ptr<handshake_pacer> pacer_; ///< during the handshake
    peer_certificates peer_;
    core::error_code fatal_; ///< after it OpenSSL must not be called again for this session
    wait_type read_wait_ = asio::socket_base::wait_read;
    wait_type write_wait_ = asio::socket_base::wait_write;
    bool is_server_;
    bool established_ = false;
    bool goodbye_said_ = false;
    bool undrained_ = true;
};

} // namespace

std::unique_ptr<socket_transport> make_tls_transport(tcp::socket socket, const tls_context& context,
                                                     const std::string& host) {
    return std::make_unique<tls_transport>(std::move(socket), context, host);
}

} // namespace net
