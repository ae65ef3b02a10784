#include "broker/admin/client_routes.hpp"

#include "broker/admin/tenant_json.hpp"
#include "common/core/clock.hpp"
#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"

#include <charconv>
#include <map>

namespace broker::admin {

namespace {

constexpr std::string_view clients_path = "/clients";
constexpr std::string_view tenants_path = "/tenants";

net::http_response invalid(std::string_view why) { return net::error_response(422, "undefined/validationError", why); }

net::http_response wrong_method(const char* allowed) {
    auto answer = net::error_response(405, "ops/Method Not Allowed", "use " + std::string(allowed));
    answer.headers.set("Allow", allowed);
    return answer;
}

/// The problem, or empty.
std::string read_query(const net::http_request& request, edge::client_query& into) {
    into.tenant = request.parameter("tenant");
    into.client_id = request.parameter("client");
    into.limit = client_routes::limit_default;
    if (request.has_parameter("limit")) {
        const auto text = request.parameter("limit");
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), into.limit);
        if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || into.limit == 0 ||
            into.limit > client_routes::limit_max)
            return "limit must be a number from 1 to " + std::to_string(client_routes::limit_max);
    }
    const auto after = request.parameter("after");
    if (after.empty()) return {};
    const auto slash = after.find('/');
    if (slash == std::string_view::npos) return "after must be <tenant>/<client ID>, as `next` of the page before";
    into.after_tenant = after.substr(0, slash);
    into.after_client_id = after.substr(slash + 1);
    return {};
}

void append(core::json_writer& out, const edge::client_info& one) {
    out.object().member("tenant", one.tenant).member("clientId", one.client_id).member("user", one.user);
    out.member("method", one.method).member("version", one.version).key("tls");
    if (one.security.empty())
        out.null();
    else
        out.value(one.security);
    out.member("address", one.address)
        .member("connectedSince", core::iso_time(one.connected_at_ms))
        .member("keepAlive", one.keep_alive_s)
        .member("subscriptions", one.subscriptions)
        .member("publishesInFlight", one.publishes_in_flight)
        .member("deliveriesInFlight", one.deliveries_in_flight)
        .member("outboxBytes", one.outbox_bytes)
        .end();
}

} // namespace

bool client_routes::takes(const net::http_request& request) noexcept {
    return request.path == clients_path || request.path == tenants_path ||
           (request.path.starts_with(clients_path) && request.path[clients_path.size()] == '/');
}

asio::awaitable<net::http_response> client_routes::answer(net::http_request request) {
    net::http_response refusal;
    const auto who = co_await gate_.admit(request, refusal);
    if (!who) co_return refusal;
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (request.path == tenants_path) co_return reads ? list_tenants(*who) : wrong_method("GET, HEAD");
    if (request.path == clients_path) co_return reads ? list(*who, request) : wrong_method("GET, HEAD");
    // A tenant ID has no slash; a client ID may.
    const auto rest = std::string_view(request.path).substr(clients_path.size() + 1);
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size())
        co_return net::error_response(404, "clients/Not Found", "the path is /clients/<tenant>/<client ID>");
    if (request.method != "DELETE") co_return wrong_method("DELETE");
    co_return disconnect(*who, rest.substr(0, slash), rest.substr(slash + 1));
}

net::http_response client_routes::list(const access& who, const net::http_request& request) {
    edge::client_query query;
    if (const auto problem = read_query(request, query); !problem.empty()) return invalid(problem);
    if (!who.all && query.tenant.empty()) query.tenant = who.tenant;
    if (!who.may_see(query.tenant)) return gate_.forbid("Access is denied.");
    const auto page = clients_.list(query);
    core::json_writer out;
    out.object().key("clients").array();
    for (const auto& one : page.clients) append(out, one);
    out.end();
    if (page.more) out.member("next", page.clients.back().tenant + "/" + page.clients.back().client_id);
    out.end();
    return net::json_response(200, std::move(out).text());
}

net::http_response client_routes::disconnect(const access& who, std::string_view tenant, std::string_view client_id) {
    if (!who.may_see(tenant)) return gate_.forbid("Access is denied.");
    if (!clients_.disconnect(tenant, client_id))
        return net::error_response(404, "clients/Not Found", "no such client is connected here");
    core::log::info("client disconnected by an operator", {{"tenant", tenant}, {"client", client_id}, {"by", who.who}});
    return net::http_response(204);
}

net::http_response client_routes::list_tenants(const access& who) {
    // In the order of their IDs; the administrator's own is told also while it has no client here.
    std::map<std::string_view, std::shared_ptr<tenant::tenant>> listed;
    if (who.all)
        for (const auto& [id, one] : tenants_.all()) listed.emplace(id, one);
    else
        listed.emplace(who.tenant, tenants_.find_or_make(who.tenant));
    core::json_writer out;
    out.object().key("tenants").array();
    for (const auto& [id, one] : listed) {
        out.object().member("tenant", id).member("connections", one->connections());
        append_settings(out, *one->settings());
        out.end();
    }
    out.end().end();
    return net::json_response(200, std::move(out).text());
}

} // namespace broker::admin
