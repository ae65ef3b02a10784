// /link: one WebSocket of a broker, mapper or application, moving batches between it and its link_session.
#pragma once

#include "common/net/websocket.hpp"
#include "messaging/endpoint/link_sessions.hpp"
#include "messaging/topic/link_session.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace messaging::endpoint {

namespace asio = boost::asio;

struct link_counters {
    std::uint64_t connections = 0;
    std::uint64_t protocol_errors = 0;
    std::uint64_t batches_in = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t batches_out = 0;
    std::uint64_t bytes_out = 0;
};

/// Serves the connection until it ends. `name` (role and address) is for the log. All references outlive it.
asio::awaitable<void> serve_link(std::unique_ptr<net::websocket> socket, topic::link_permissions who, std::string name,
                                 link_sessions& sessions, const core::clock& time, link_counters& counters);

} // namespace messaging::endpoint
