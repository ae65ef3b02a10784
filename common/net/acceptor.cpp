#include "common/net/acceptor.hpp"

#include "common/async/timeout.hpp"
#include "common/async/tokens.hpp"
#include "common/core/log.hpp"
#include "common/net/error.hpp"
#include "common/net/socket_transport.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <netinet/tcp.h>

#include <vector>

namespace net {

namespace {

using asio::ip::tcp;

/// While the system does not let us accept: most often it has no descriptor or memory left.
constexpr std::chrono::milliseconds exhausted_pause{100};

/// A peer that is gone without a word (half open) is found by the system after about five minutes, also when neither
/// side has anything to say. Accepted sockets inherit it from the listening one.
core::error_code watch_peers(tcp::acceptor& listening) {
    core::error_code error;
    using idle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
    using interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
    using count = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
    listening.set_option(asio::socket_base::keep_alive(true), error);
    if (!error) listening.set_option(idle(180), error);
    if (!error) listening.set_option(interval(30), error);
    if (!error) listening.set_option(count(4), error);
    return error;
}

/// The peer went away between its SYN and our accept, or the network said something about it alone.
bool of_one_peer(const core::error_code& error) {
    return error == asio::error::connection_aborted || error == asio::error::connection_reset ||
           error == asio::error::network_down || error == asio::error::host_unreachable ||
           error == asio::error::network_unreachable || error == asio::error::interrupted;
}

std::unique_ptr<socket_transport> wrap(tcp::socket socket, const tls_context* tls, const std::string& host) {
    if (tls) return make_tls_transport(std::move(socket), *tls, host);
    return make_tcp_transport(std::move(socket));
}

asio::awaitable<core::result<std::vector<tcp::endpoint>>> resolve(tcp::resolver& resolver, std::string host,
                                                                  std::uint16_t port) {
    std::vector<tcp::endpoint> found;
    core::error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        found.emplace_back(address, port);
        co_return found;
    }
    const std::string service = std::to_string(port);
    auto [error, entries] = co_await resolver.async_resolve(host, service, async::as_result);
    if (error) co_return error;
    for (const auto& entry : entries) found.push_back(entry.endpoint());
    co_return found;
}

/// What a timeout must be able to end: name resolution, then the connect, then the handshake.
struct attempt {
    explicit attempt(const asio::any_io_executor& executor) : resolver(executor), socket(executor) {}

    void give_up() {
        resolver.cancel();
        core::error_code ignored;
        socket.close(ignored);
        if (made) made->close();
    }

    tcp::resolver resolver;
    tcp::socket socket;
    std::unique_ptr<socket_transport> made;
};

asio::awaitable<core::error_code> connect(attempt& with, std::string host, std::uint16_t port, const tls_context* tls) {
    auto endpoints = co_await resolve(with.resolver, host, port);
    if (endpoints.has_error()) co_return endpoints.error();
    core::error_code last = asio::error::host_not_found;
    for (const auto& endpoint : *endpoints) {
        with.socket.close(last);
        auto [error] = co_await with.socket.async_connect(endpoint, async::as_result);
        last = error;
        if (!last || last == asio::error::operation_aborted) break;
    }
    if (last) co_return last;
    with.made = wrap(std::move(with.socket), tls, host);
    auto handshaken = co_await with.made->handshake();
    co_return handshaken;
}

} // namespace

struct acceptor::state {
    state(asio::any_io_executor executor, acceptor_options with)
        : options(std::move(with)), socket(executor), pause(std::move(executor)) {}

    acceptor_options options;
    tcp::acceptor socket;
    asio::steady_timer pause;
    std::uint16_t port = 0;
    bool warned = false;
};

acceptor::acceptor(asio::any_io_executor executor, acceptor_options options)
    : state_(std::make_unique<state>(std::move(executor), std::move(options))) {}

acceptor::~acceptor() = default;

core::result<void> acceptor::open() {
    core::error_code error;
    const auto address = asio::ip::make_address(state_->options.address, error);
    if (error) return make_error_code(errc::bad_address);
    const tcp::endpoint at(address, state_->options.port);
    auto& socket = state_->socket;
    socket.open(at.protocol(), error);
    if (!error) socket.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) error = watch_peers(socket);
    if (!error) socket.bind(at, error);
    if (!error) socket.listen(state_->options.backlog, error);
    if (error) {
        close();
        return error;
    }
    state_->port = socket.local_endpoint(error).port();
    return {};
}

std::uint16_t acceptor::port() const noexcept { return state_->port; }

asio::awaitable<core::result<std::unique_ptr<socket_transport>>> acceptor::accept_socket() {
    for (;;) {
        tcp::socket peer(state_->socket.get_executor());
        auto [error] = co_await state_->socket.async_accept(peer, async::as_result);
        if (!error) {
            state_->warned = false;
            co_return wrap(std::move(peer), state_->options.tls.get(), {});
        }
        if (of_one_peer(error) && state_->socket.is_open()) continue;
        if (error == asio::error::operation_aborted || !state_->socket.is_open()) co_return error;
        // No descriptor, no memory, or what else the system says: a port that stops listening would be worse.
        if (!state_->warned) core::log::error("cannot accept connections", {{"reason", error.message()}});
        state_->warned = true;
        state_->pause.expires_after(exhausted_pause);
        auto [interrupted] = co_await state_->pause.async_wait(async::as_result);
        if (interrupted) co_return interrupted;
    }
}

asio::awaitable<core::result<std::unique_ptr<transport>>> acceptor::accept() {
    auto accepted = co_await accept_socket();
    if (accepted.has_error()) co_return accepted.error();
    std::unique_ptr<transport> made = std::move(*accepted);
    co_return made;
}

void acceptor::close() noexcept {
    core::error_code ignored;
    state_->socket.close(ignored);
    state_->pause.cancel();
}

asio::awaitable<core::result<std::unique_ptr<socket_transport>>> connect_socket(std::string host, std::uint16_t port,
                                                                                std::shared_ptr<tls_context> tls,
                                                                                std::chrono::milliseconds timeout) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    attempt with(executor);
    async::timeout limit(executor, timeout, [&with] { with.give_up(); });
    const auto error = co_await connect(with, std::move(host), port, tls.get());
    if (limit.late()) co_return make_error_code(errc::timeout);
    if (error) co_return error;
    co_return std::move(with.made);
}

asio::awaitable<core::result<std::unique_ptr<transport>>> connect_transport(std::string host, std::uint16_t port,
                                                                            std::shared_ptr<tls_context> tls,
                                                                            std::chrono::milliseconds timeout) {
    auto connected = co_await connect_socket(std::move(host), port, std::move(tls), timeout);
    if (connected.has_error()) co_return connected.error();
    std::unique_ptr<transport> made = std::move(*connected);
    co_return made;
}

} // namespace net
