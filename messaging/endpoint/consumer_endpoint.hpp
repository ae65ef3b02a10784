// /notification2/consumer: a subscriber's messages out as text frames, acknowledgements in (ref B.1.4, C.6 – C.9).
#pragma once

#include "common/net/http_server.hpp"
#include "messaging/endpoint/api_context.hpp"

#include <boost/asio/awaitable.hpp>

namespace messaging::endpoint {

namespace asio = boost::asio;

/// Decides on an upgrade: 401, 409 (the exclusive subscriber has its consumer), 422 (too many subscriptions or topics),
/// 503 (the store refuses), or a connection. A new subscriber is durable before the answer. `context` outlives it.
asio::awaitable<net::upgrade_decision> upgrade_consumer(api_context& context, net::http_request request);

} // namespace messaging::endpoint
