#include "broker/admin/gatekeeper.hpp"

#include "common/auth/basic_login.hpp"
#include "common/auth/password.hpp"
#include "common/core/log.hpp"

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

net::http_response gatekeeper::too_many(std::string_view user, std::string_view remote) {
    ++counters_.throttled;
    auto answer = net::error_response(429, "security/Too Many Requests", "too many failed logins; try again later");
    answer.headers.set("Retry-After", std::to_string(logins_.retry_after(user, remote).count()));
    return answer;
}

asio::awaitable<std::optional<access>> gatekeeper::admit(const net::http_request& request,
                                                         net::http_response& refusal) {
    const auto header = request.headers.get("Authorization");
    constexpr std::string_view bearer = "Bearer ";
    std::optional<access> admitted;
    if (header.starts_with(bearer)) {
        const auto address = auth::address_key(request.remote_address);
        if (logins_.failures().address_waits(address)) {
            refusal = too_many({}, request.remote_address);
            co_return admitted;
        }
        if (is_operator(header.substr(bearer.size()))) {
            ++counters_.admitted;
            admitted.emplace();
            admitted->all = true;
            admitted->who = "operator";
            co_return admitted;
        }
        logins_.failures().failed({}, address);
        refusal = unauthorized("Invalid credentials! : Bad token");
        co_return admitted;
    }
    auto given = auth::read_basic(header);
    if (!given) {
        refusal = unauthorized("send Basic credentials of the form <tenant>/<user>:<password>, or the operator token");
        co_return admitted;
    }
    const auto user = given->tenant.value + "/" + given->user;
    auto outcome = co_await auth::verify(logins_, std::move(*given), request.remote_address);
    if (!outcome) {
        if (outcome.error() == auth::errc::wrong_credentials) {
            refusal = unauthorized("Invalid credentials! : Bad credentials");
        } else if (outcome.error() == auth::errc::throttled) {
            refusal = too_many(user, request.remote_address);
        } else {
            ++counters_.unavailable;
            refusal = net::error_response(503, "security/Unavailable", "the login could not be checked now");
        }
        co_return admitted;
    }
    if (!outcome->has_role(auth::role_tenant_admin)) {
        refusal = forbid("Access is denied. The user needs the role " + std::string(auth::role_tenant_admin) + ".");
        co_return admitted;
    }
    ++counters_.admitted;
    admitted.emplace();
    admitted->tenant = outcome->tenant.value;
    admitted->who = outcome->tenant.value + "/" + outcome->user;
    co_return admitted;
}

} // namespace broker::admin
