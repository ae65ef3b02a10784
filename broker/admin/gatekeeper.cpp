#include "broker/admin/gatekeeper.hpp"

#include "common/async/tokens.hpp"
#include "common/auth/basic_login.hpp"
#include "common/auth/password.hpp"
#include "common/core/log.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <fstream>

namespace broker::admin {

std::string gatekeeper::read_token(const std::string& file, std::string& why_not) {
    std::string token;
    std::ifstream in(file);
    if (!(in >> token))
        why_not = file + ": cannot read a token from it";
    else if (token.size() < token_bytes_min) {
        why_not = file + ": the token must have at least " + std::to_string(token_bytes_min) + " characters";
        token.clear();
    }
    return token;
}

bool gatekeeper::is_operator(std::string_view token) const {
    if (token_file_.empty()) return false;
    std::string why_not;
    const auto wanted = read_token(token_file_, why_not);
    if (wanted.empty()) {
        core::log::error("operator token not usable", {{"why", why_not}});
        return false;
    }
    return auth::equal_constant_time(wanted, token);
}

net::http_response gatekeeper::unauthorized(std::string_view why) {
    ++counters_.unauthorized;
    auto answer = net::error_response(401, "security/Unauthorized", why);
    answer.headers.set("WWW-Authenticate", "Basic realm=\"mqtt-broker\", charset=\"UTF-8\"");
    return answer;
}

net::http_response gatekeeper::forbid(std::string_view why) {
    ++counters_.forbidden;
    return net::error_response(403, "security/Forbidden", why);
}

asio::awaitable<void> gatekeeper::wait_for_penalty() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(penalty_);
    (void)co_await timer.async_wait(async::as_result);
}

asio::awaitable<std::optional<access>> gatekeeper::admit(const net::http_request& request,
                                                         net::http_response& refusal) {
    const auto header = request.headers.get("Authorization");
    constexpr std::string_view bearer = "Bearer ";
    std::optional<access> admitted;
    if (header.starts_with(bearer)) {
        if (is_operator(header.substr(bearer.size()))) {
            ++counters_.admitted;
            admitted.emplace();
            admitted->all = true;
            admitted->who = "operator";
            co_return admitted;
        }
        co_await wait_for_penalty();
        refusal = unauthorized("Invalid credentials! : Bad token");
        co_return admitted;
    }
    auto given = auth::read_basic(header);
    if (!given) {
        refusal = unauthorized("send Basic credentials of the form <tenant>/<user>:<password>, or the operator token");
        co_return admitted;
    }
    auto outcome = co_await auth::verify(logins_, std::move(*given));
    if (!outcome) {
        if (outcome.error() == auth::errc::wrong_credentials) {
            co_await wait_for_penalty();
            refusal = unauthorized("Invalid credentials! : Bad credentials");
        } else {
            ++counters_.unavailable;
            refusal = net::error_response(503, "security/Unavailable", "the login could not be checked now");
        }
        co_return admitted;
    }
    if (!outcome->has_role(auth::role_tenant_admin)) {
        refusal = forbid("Access is denied.");
        co_return admitted;
    }
    ++counters_.admitted;
    admitted.emplace();
    admitted->tenant = outcome->tenant.value;
    admitted->who = outcome->tenant.value + "/" + outcome->user;
    co_return admitted;
}

} // namespace broker::admin
