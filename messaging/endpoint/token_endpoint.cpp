#include "messaging/endpoint/token_endpoint.hpp"

#include "common/auth/basic_login.hpp"
#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"
#include "common/notification2/token.hpp"
#include "messaging/endpoint/durable.hpp"
#include "messaging/endpoint/token_request.hpp"

#include <boost/asio/this_coro.hpp>

#include <optional>

namespace messaging::endpoint {

namespace {

namespace n2 = notification2;
constexpr std::string_view door = "token";

/// Who asks; on refusal `answer` is it.
asio::awaitable<std::optional<auth::principal>> authenticate(api_context& context, auth::login_guard& logins,
                                                             const net::http_request& request,
                                                             net::http_response& answer) {
    const auto refuse = [&](std::string_view reason, std::string_view why) {
        answer = context.refuse(door, reason, 401, request, why);
        answer.headers.set("WWW-Authenticate", "Basic realm=\"notification2\", charset=\"UTF-8\"");
    };
    auto given = auth::read_basic(request.headers.get("Authorization"));
    if (!given) {
        refuse("no_credentials", "send Basic credentials of the form <tenant>/<user>:<password>");
        co_return std::nullopt;
    }
    const auto user = given->tenant.value + "/" + given->user;
    auto outcome = co_await auth::verify(logins, std::move(*given), request.remote_address);
    if (outcome) co_return std::move(*outcome);
    if (outcome.error() == auth::errc::wrong_credentials)
        refuse("wrong_credentials", "Invalid credentials! : Bad credentials");
    else if (outcome.error() == auth::errc::throttled) {
        answer = context.refuse(door, "throttled", 429, request, "too many failed logins; try again later");
        const auto wait = logins.retry_after(user, request.remote_address);
        answer.headers.set("Retry-After", std::to_string(wait.count()));
    } else
        answer = context.refuse(door, "login_unavailable", 503, request, "the login could not be checked now");
    co_return std::nullopt;
}

net::http_response issue(api_context& context, const auth::principal& who, const net::http_request& request) {
    token_request wanted;
    if (const auto wrong = parse_token_request(request.body, wanted); !wrong.empty())
        return context.refuse(door, "bad_request", 422, request, wrong);
    n2::token_claims claims;
    claims.subscriber = wanted.subscriber;
    claims.topic = n2::requested_topic(who.tenant.value, wanted.type, wanted.subscription);
    claims.issued_at_s = context.clock.wall_ms() / 1000;
    claims.expires_at_s = claims.issued_at_s + wanted.expires_in_minutes * 60;
    claims.shared = wanted.shared;
    claims.is_volatile = wanted.non_persistent;
    const auto token = n2::issue_token(claims, context.key);
    if (!token) return context.refuse(door, "not_issued", 422, request, token.error().message());
    context.tokens_issued.add();
    core::log::info("token issued", {{"tenant", claims.topic.tenant},
                                     {"user", who.user},
                                     {"subscriber", claims.subscriber},
                                     {"topic", claims.topic.name}});
    core::json_writer body;
    body.object().member("token", *token).end();
    return net::json_response(200, std::move(body).text());
}

/// The token of the query, which must be of the caller's tenant; on refusal `answer` is it.
std::optional<n2::token_claims> own_token(api_context& context, const auth::principal& who,
                                          const net::http_request& request, net::http_response& answer) {
    const auto claims = context.verifier.verify(request.parameter("token"));
    if (claims && claims->topic.tenant == who.tenant.value) return *claims;
    // One text for both, so that nobody learns about the tokens of other tenants.
    answer = context.refuse(door, "bad_token", 422, request, "The token is not valid");
    return std::nullopt;
}

net::http_response wrong_method(api_context& context, const net::http_request& request, const char* allowed) {
    auto answer = context.refuse(door, "bad_method", 405, request, "use " + std::string(allowed));
    answer.headers.set("Allow", allowed);
    return answer;
}

} // namespace

asio::awaitable<net::http_response> answer_token(api_context& context, auth::login_guard& logins,
                                                 net::http_request request) {
    net::http_response answer;
    if (request.method != "POST" && request.method != "GET") co_return wrong_method(context, request, "POST, GET");
    const auto who = co_await authenticate(context, logins, request, answer);
    if (!who) co_return answer;
    if (!who->has_role(auth::role_notification_admin))
        co_return context.refuse(door, "missing_role", 403, request,
                                 "Access is denied. The user needs the role " +
                                     std::string(auth::role_notification_admin) + ".");
    if (request.method == "POST") co_return issue(context, *who, request);
    const auto claims = own_token(context, *who, request, answer);
    if (claims) answer = net::json_response(200, n2::claims_json(*claims));
    co_return answer;
}

asio::awaitable<net::http_response> answer_unsubscribe(api_context& context, auth::login_guard& logins,
                                                       net::http_request request) {
    net::http_response answer;
    if (request.method != "POST") co_return wrong_method(context, request, "POST");
    const auto who = co_await authenticate(context, logins, request, answer);
    if (!who) co_return answer;
    const auto claims = own_token(context, *who, request, answer);
    if (!claims) co_return answer;
    const auto name = subscription_name(claims->subscriber, claims->topic.name, claims->is_volatile);
    if (auto* found = context.hub.find_subscription(claims->topic.tenant, claims->topic.type, name)) {
        core::log::info("unsubscribed", {{"subscription", name}, {"user", who->user}});
        context.hub.remove(*found, msg_link::reason::removed);
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto error = co_await durable(context.hub, executor);
    if (error) co_return context.refuse(door, "store_failed", 503, request, error.message());
    co_return net::json_response(200, R"({"result":"DONE"})");
}

} // namespace messaging::endpoint
