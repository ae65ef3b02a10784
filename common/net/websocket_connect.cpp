#include "common/net/acceptor.hpp"
#include "common/net/error.hpp"
#include "common/net/url.hpp"
#include "common/net/websocket_stream.hpp"

namespace net {

asio::awaitable<core::result<std::unique_ptr<websocket>>> websocket_connect(websocket_target target,
                                                                            upgrade_refusal* refusal) {
    auto to = parse_url(target.url);
    if (to.has_error()) co_return to.error();
    if (to->scheme != "ws" && to->scheme != "wss") co_return make_error_code(errc::bad_url);
    std::shared_ptr<tls_context> tls;
    if (to->secure()) {
        tls_client_options trust;
        trust.ca_file = target.ca_file;
        auto made = tls_context::client(std::move(trust));
        if (made.has_error()) co_return made.error();
        tls = std::move(*made);
    }
    auto connected = co_await connect_socket(to->host, to->port, tls, target.connect_timeout);
    if (connected.has_error()) co_return connected.error();
    // The upgrade has the same time again: Beast counts it with the handshake timeout, which close uses later.
    websocket_options options = target.options;
    auto upgraded = co_await websocket_upgrade(std::move(*connected), to->authority(), to->target,
                                               std::move(target.headers), std::move(options), refusal);
    co_return upgraded;
}

} // namespace net
