// The hub's `when_durable` as something to await.
#pragma once

#include "common/core/error.hpp"
#include "messaging/topic/hub.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace messaging::endpoint {

namespace asio = boost::asio;

/// Everything handed to the hub so far is on disk, or why not (`operation_aborted` when the caller was cancelled).
asio::awaitable<core::error_code> durable(topic::hub& hub, asio::any_io_executor executor);

} // namespace messaging::endpoint
