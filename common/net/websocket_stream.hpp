// Between http_server, websocket_connect and websocket: how a WebSocket is made of a transport. Shows Beast; for the
// .cpp files of this folder.
#pragma once

#include "common/net/socket_transport.hpp"
#include "common/net/websocket.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>

namespace net {

using upgrade_request = boost::beast::http::request<boost::beast::http::string_body>;

/// Answers a request that asks for an upgrade with 101.
asio::awaitable<core::result<std::unique_ptr<websocket>>>
websocket_accept(std::unique_ptr<socket_transport> over, upgrade_request request, websocket_options options);

/// Asks for the upgrade on a connected transport; `authority` is the Host header.
asio::awaitable<core::result<std::unique_ptr<websocket>>>
websocket_upgrade(std::unique_ptr<socket_transport> over, std::string authority, std::string path, http_headers headers,
                  websocket_options options, upgrade_refusal* refusal);

} // namespace net
