// /notification2/token and /notification2/unsubscribe (ref C.3, C.5), with the caller's Basic credentials.
#pragma once

#include "common/auth/login_guard.hpp"
#include "common/net/http.hpp"
#include "messaging/endpoint/api_context.hpp"

#include <boost/asio/awaitable.hpp>

namespace messaging::endpoint {

namespace asio = boost::asio;

/// POST: a token, for ROLE_NOTIFICATION_2_ADMIN; GET: the claims of a token. Both references outlive the call.
asio::awaitable<net::http_response> answer_token(api_context& context, auth::login_guard& logins,
                                                 net::http_request request);

/// POST: removes the subscriber named in the token, and its backlog.
asio::awaitable<net::http_response> answer_unsubscribe(api_context& context, auth::login_guard& logins,
                                                       net::http_request request);

} // namespace messaging::endpoint
