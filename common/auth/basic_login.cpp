#include "common/auth/basic_login.hpp"

#include "common/async/event.hpp"
#include "common/core/base64.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <memory>

namespace auth {

namespace {

/// Shared with the answer, which may come after the caller was cancelled.
struct question {
    explicit question(asio::any_io_executor executor) : answered(std::move(executor)) {}
    async::event answered;
    std::optional<core::result<principal>> outcome;
};

bool starts_with_nocase(std::string_view text, std::string_view lower) noexcept {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    return text.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), text.begin(), [&](char b, char a) { return same(a, b); });
}

} // namespace

std::optional<credentials> read_basic(std::string_view authorization) {
    constexpr std::string_view scheme = "basic ";
    if (!starts_with_nocase(authorization, scheme)) return std::nullopt;
    const auto text = core::base64_decode(authorization.substr(scheme.size()));
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    const auto slash = text->find('/');
    if (colon == std::string::npos || slash == std::string::npos || slash > colon || slash == 0) return std::nullopt;
    credentials made;
    made.tenant = core::tenant_id(text->substr(0, slash));
    made.user = text->substr(slash + 1, colon - slash - 1);
    made.password = text->substr(colon + 1);
    return made;
}

asio::awaitable<core::result<principal>> verify(login_guard& by, credentials with, std::string remote) {
    const auto executor = co_await asio::this_coro::executor;
    const auto asked = std::make_shared<question>(executor);
    by.verify(std::move(with), remote, [asked](core::result<principal> outcome) {
        asked->outcome = std::move(outcome);
        asked->answered.notify();
    });
    co_await asked->answered.wait();
    if (asked->outcome) co_return std::move(*asked->outcome);
    co_return make_error_code(errc::busy);
}

} // namespace auth
