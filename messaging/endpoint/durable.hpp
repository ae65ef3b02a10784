// The hub's `when_durable` as something to await, and whether the awaiting task was told to end.
#pragma once

#include "common/core/error.hpp"
#include "messaging/topic/hub.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace messaging::endpoint {

namespace asio = boost::asio;

/// Everything handed to the hub so far is on disk, or why not (`operation_aborted` when the caller was cancelled).
asio::awaitable<core::error_code> durable(topic::hub& hub, asio::any_io_executor executor);

/// True once the calling task was cancelled. For loops that run with `throw_if_cancelled(false)`, to be asked after
/// each wait: a cancellation that meets an operation which has just completed leaves no other trace.
asio::awaitable<bool> cancelled();

} // namespace messaging::endpoint
