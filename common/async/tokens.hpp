// How we await Asio operations: errors arrive as values, `auto [error, n] = co_await socket.async_…(…, as_result);`.
// One token for the whole system, so that every operation is instantiated once. Boost 1.81 has no default tokens.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace async {

namespace asio = boost::asio;

inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

} // namespace async
