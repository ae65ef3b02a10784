// HTTP Basic logins of the ops and API ports (ref D.1): `<tenant>/<user>` and a password.
#pragma once

#include "common/auth/login_guard.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string_view>

namespace auth {

namespace asio = boost::asio;

/// Of an Authorization header `Basic base64(<tenant>/<user>:<password>)`; nothing for any other form.
std::optional<credentials> read_basic(std::string_view authorization);

/// `login_guard::verify` as an awaitable; the guard outlives it. A cancelled caller gets errc::busy.
asio::awaitable<core::result<principal>> verify(login_guard& by, credentials with, std::string remote);

} // namespace auth
