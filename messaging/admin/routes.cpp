#include "messaging/admin/routes.hpp"

#include "common/auth/basic_login.hpp"
#include "common/core/percent.hpp"

#include <algorithm>

namespace messaging::admin {

namespace {

constexpr std::size_t tenant_bytes_max = 256;

constexpr route_entry table[] = {
    {"GET", "/server", need::view, show_server},
    {"GET", "/tenants", need::oversee, list_tenants},
    {"GET", "/tenants/{tenant}", need::view, show_tenant},
    {"GET", "/tenants/{tenant}/limits", need::view, show_limits},
    {"PUT", "/tenants/{tenant}/limits", need::operate, set_limits},
    {"DELETE", "/tenants/{tenant}/limits", need::operate, reset_limits},
    {"GET", "/tenants/{tenant}/topics", need::view, list_topics},
    {"POST", "/tenants/{tenant}/topics", need::change, create_topic},
    {"GET", "/tenants/{tenant}/topics/{namespace}/{topic}", need::view, show_topic},
    {"DELETE", "/tenants/{tenant}/topics/{namespace}/{topic}", need::change, delete_topic},
    {"GET", "/tenants/{tenant}/topics/{namespace}/{topic}/messages", need::change, peek_messages},
    {"POST", "/tenants/{tenant}/topics/{namespace}/{topic}/messages", need::change, publish_message},
    {"GET", "/tenants/{tenant}/subscriptions", need::view, list_subscriptions},
    {"POST", "/tenants/{tenant}/subscriptions", need::change, create_subscription},
    {"GET", "/tenants/{tenant}/subscriptions/{id}", need::view, show_subscription},
    {"DELETE", "/tenants/{tenant}/subscriptions/{id}", need::change, delete_subscription},
};

/// The next segment of a path that begins with a slash.
std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parts) {
    parts.clear();
    while (!pattern.empty() && !path.empty()) {
        const auto wanted = take_segment(pattern);
        const auto given = take_segment(path);
        if (!wanted.starts_with('{')) {
            if (wanted != given) return false;
            continue;
        }
        auto decoded = core::percent_decode(given);
        if (!decoded || decoded->empty()) return false;
        parts.push_back(std::move(*decoded));
    }
    return pattern.empty() && path.empty();
}

bool is_tenant_name(std::string_view name) noexcept {
    return name.size() <= tenant_bytes_max && std::none_of(name.begin(), name.end(), [](char c) {
               return static_cast<unsigned char>(c) <= ' ' || c == '/' || c == 0x7F;
           });
}

/// Nothing when refused; then `refusal` is the answer.
asio::awaitable<std::optional<access>> log_in(management_context& context, const net::http_request& request,
                                              net::http_response& refusal) {
    auto given = auth::read_basic(request.headers.get("Authorization"));
    if (!given) {
        refusal = context.refuse(401, "no_credentials", request,
                                 "send Basic credentials of the form <tenant>/<user>:<password>");
        co_return std::nullopt;
    }
    const auto user = given->tenant.value + "/" + given->user;
    const auto outcome = co_await auth::verify(context.logins, std::move(*given), request.remote_address);
    if (!outcome) {
        if (outcome.error() == auth::errc::wrong_credentials) {
            refusal = context.refuse(401, "wrong_credentials", request, "Invalid credentials! : Bad credentials");
        } else if (outcome.error() == auth::errc::throttled) {
            refusal = context.refuse(429, "throttled", request, "too many failed logins; try again later");
            const auto wait = context.logins.retry_after(user, request.remote_address);
            refusal.headers.set("Retry-After", std::to_string(wait.count()));
        } else {
            refusal = context.refuse(503, "login_unavailable", request, "the login could not be checked now");
        }
        co_return std::nullopt;
    }
    access who;
    who.tenant = outcome->tenant.value;
    who.user = outcome->user;
    who.is_operator = !context.options.operator_tenant.empty() && who.tenant == context.options.operator_tenant;
    who.may_change = outcome->has_role(auth::role_tenant_admin) || outcome->has_role(role_management_admin);
    if (!who.may_change && !outcome->has_role(role_statistics_read)) {
        refusal = context.refuse(403, "missing_role", request, "Access is denied.");
        co_return std::nullopt;
    }
    co_return who;
}

/// Why not; empty when the caller may.
std::string_view forbidden(const access& who, need asks, std::string_view tenant) noexcept {
    const bool change = asks == need::change || asks == need::operate;
    if (change && !who.may_change) return "missing_role";
    if ((asks == need::operate || asks == need::oversee) && !who.is_operator) return "operators_only";
    // The same for tenants that exist and those that do not: nobody learns about others.
    if (!tenant.empty() && tenant != who.tenant && !who.is_operator) return "other_tenant";
    return {};
}

} // namespace

std::span<const route_entry> route_table() noexcept { return table; }

route_match match_route(std::string_view method, std::string_view target) {
    route_match found;
    // RFC 9112 §3.2.2: a server takes the absolute form too.
    if (const auto scheme = target.find("://"); scheme != target.npos && !target.starts_with('/'))
        target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
    target = target.substr(0, target.find('?'));
    if (!target.starts_with(base_path)) return found;
    target.remove_prefix(base_path.size());
    if (target.size() > 1 && target.ends_with('/')) target.remove_suffix(1);
    if (!target.starts_with('/')) return found;
    std::vector<std::string> parts;
    for (const auto& one : table) {
        if (!matches(one.pattern, target, parts)) continue;
        if (one.method == method) {
            found.entry = &one;
            found.parts = std::move(parts);
            return found;
        }
        found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(one.method);
    }
    return found;
}

asio::awaitable<net::http_response> answer_management(management_context& context, net::http_request request) {
    auto route = match_route(request.method, request.target);
    if (route.entry == nullptr) {
        if (route.allowed.empty())
            co_return context.refuse(404, "no_such_path", request, "there is nothing here; see /openapi.json");
        auto answer = context.refuse(405, "bad_method", request, "use " + route.allowed);
        answer.headers.set("Allow", route.allowed);
        co_return answer;
    }
    net::http_response refusal;
    auto who = co_await log_in(context, request, refusal);
    if (!who) co_return refusal;
    call what;
    if (!route.parts.empty()) {
        what.tenant = std::move(route.parts.front());
        route.parts.erase(route.parts.begin());
        what.parts = std::move(route.parts);
    }
    if (const auto why = forbidden(*who, route.entry->asks, what.tenant); !why.empty())
        co_return context.refuse(403, why, request, "Access is denied.");
    if (!is_tenant_name(what.tenant))
        co_return context.refuse(422, "bad_request", request, "this cannot be the name of a tenant");
    const bool reads = route.entry->method == "GET";
    if (reads && !what.tenant.empty() && what.tenant != who->tenant &&
        find_tenant(context.hub, what.tenant) == nullptr && route.entry->run != show_limits)
        co_return context.refuse(404, "unknown_tenant", request, "nothing of this tenant is in messaging");
    what.who = std::move(*who);
    what.request = std::move(request);
    context.answered.add();
    auto answer = co_await route.entry->run(context, std::move(what));
    co_return answer;
}

} // namespace messaging::admin
