// /tenants/{tenant}/limits: read by the tenant, set by the operator; durable before the answer.
#include "messaging/admin/context.hpp"
#include "messaging/admin/limit_overrides.hpp"
#include "messaging/endpoint/durable.hpp"

#include "common/core/log.hpp"

#include <boost/asio/this_coro.hpp>

#include <optional>

namespace messaging::admin {

namespace {

net::http_response limits_response(management_context& context, const std::string& tenant) {
    core::json_writer out;
    append_limits(out, context.options.limits_of(tenant), overrides_of(context.hub, tenant));
    return net::json_response(200, std::move(out).text());
}

/// Empty when the tenant's limits are these now, on disk as in use; else the answer.
asio::awaitable<std::optional<net::http_response>> take(management_context& context, const call& what,
                                                        limit_overrides set) {
    const auto why = store_overrides(context.hub, what.tenant, set);
    if (why != msg_link::reason::ok) co_return context.refuse(why, what.request);
    if (auto* one = find_tenant(context.hub, what.tenant)) one->quota = context.options.limits_of(what.tenant);
    context.hub.kick();
    const auto executor = co_await asio::this_coro::executor;
    const auto error = co_await endpoint::durable(context.hub, executor);
    if (error) co_return context.refuse(503, "store_failed", what.request, error.message());
    context.changed.add();
    core::log::info("limits set", {{"tenant", what.tenant}, {"user", what.who.tenant + "/" + what.who.user}});
    co_return std::nullopt;
}

} // namespace

asio::awaitable<net::http_response> show_limits(management_context& context, call what) {
    co_return limits_response(context, what.tenant);
}

asio::awaitable<net::http_response> set_limits(management_context& context, call what) {
    auto set = overrides_of(context.hub, what.tenant);
    if (const auto wrong = merge_limits(what.request.body, set); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    auto refusal = co_await take(context, what, std::move(set));
    if (refusal) co_return std::move(*refusal);
    co_return limits_response(context, what.tenant);
}

asio::awaitable<net::http_response> reset_limits(management_context& context, call what) {
    limit_overrides none;
    auto refusal = co_await take(context, what, std::move(none));
    if (refusal) co_return std::move(*refusal);
    co_return net::http_response(204);
}

} // namespace messaging::admin
