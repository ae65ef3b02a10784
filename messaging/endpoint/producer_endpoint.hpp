// /notification2/producer: text frames in, each acknowledged by its sequence once it is stored (ref B.1.4; API.md).
#pragma once

#include "common/net/http_server.hpp"
#include "messaging/endpoint/api_context.hpp"

#include <boost/asio/awaitable.hpp>

namespace messaging::endpoint {

namespace asio = boost::asio;

/// Decides on an upgrade: 401, 422 (the tenant has too many topics), or a connection. `context` outlives it.
asio::awaitable<net::upgrade_decision> upgrade_producer(api_context& context, net::http_request request);

} // namespace messaging::endpoint
