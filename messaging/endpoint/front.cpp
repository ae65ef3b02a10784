#include "messaging/endpoint/front.hpp"

#include "common/core/log.hpp"

#include <algorithm>

namespace messaging::endpoint {

namespace {

constexpr std::string_view bearer = "Bearer ";

/// Whether a comma-separated list (RFC 6455 §4.1) names `wanted`.
bool asks_for(std::string_view list, std::string_view wanted) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        auto one = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
        while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
        if (one == wanted) return true;
    }
    return false;
}

topic::link_permissions permissions_of(const auth::link_claims& claims) {
    topic::link_permissions who;
    who.may_claim = claims.role == auth::link_role::broker;
    for (const auto& tenant : claims.tenants) {
        if (tenant == "*")
            who.any_tenant = true;
        else
            who.tenants.push_back(tenant);
    }
    return who;
}

} // namespace

net::http_handler front::handler() {
    return [this](net::http_request request) { return handle(std::move(request)); };
}

net::upgrade_handler front::upgrader() {
    return [this](net::http_request request) { return upgrade(std::move(request)); };
}

const route* front::find(std::string_view path) const noexcept {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    for (const auto& one : routes_)
        if (one.path == path ||
            (one.below && path.size() > one.path.size() && path.starts_with(one.path) && path[one.path.size()] == '/'))
            return &one;
    return nullptr;
}

asio::awaitable<net::http_response> front::handle(net::http_request request) {
    if (auto answer = ops_.answer(request)) co_return std::move(*answer);
    const auto* one = find(request.path);
    if (one == nullptr)
        co_return net::error_response(404, "messaging/Not Found", "there is nothing at " + request.path);
    if (!one->handle)
        co_return net::error_response(426, "messaging/Upgrade Required", "this path speaks WebSocket only");
    auto response = co_await one->handle(std::move(request));
    co_return response;
}

asio::awaitable<net::upgrade_decision> front::upgrade(net::http_request request) {
    if (request.path == "/link" || request.path == "/link/") co_return upgrade_link(request);
    const auto* one = find(request.path);
    if (one == nullptr || !one->upgrade)
        co_return net::upgrade_decision(
            net::error_response(404, "messaging/Not Found", "no WebSocket at " + request.path));
    auto decision = co_await one->upgrade(std::move(request));
    co_return decision;
}

net::upgrade_decision front::upgrade_link(const net::http_request& request) {
    auto header = request.headers.get("Authorization");
    if (!header.starts_with(bearer)) {
        ++refused_tokens_;
        core::log::warn("link token refused", {{"peer", request.remote_address}, {"why", "no token was sent"}});
        return net::upgrade_decision(net::error_response(
            401, "messaging/Unauthorized", "send `Authorization: Bearer <token>`; `mqtt-messaging token` makes one"));
    }
    header.remove_prefix(bearer.size());
    const auto claims = auth::verify_link_token(header, secret_, clock_.wall_ms() / 1000);
    if (!claims) {
        ++refused_tokens_;
        core::log::warn("link token refused", {{"peer", request.remote_address}, {"why", claims.error().message()}});
        return net::upgrade_decision(net::error_response(401, "messaging/Unauthorized", claims.error().message()));
    }
    if (!asks_for(request.headers.get("Sec-WebSocket-Protocol"), msg_link::subprotocol)) {
        ++refused_subprotocols_;
        core::log::warn("link upgrade refused", {{"peer", request.remote_address}, {"why", "another subprotocol"}});
        return net::upgrade_decision(net::error_response(
            400, "messaging/Bad Request", "ask for the subprotocol " + std::string(msg_link::subprotocol)));
    }
    net::websocket_options options;
    options.idle_timeout = std::chrono::milliseconds(10'000);
    options.message_bytes_max = msg_link::batch_bytes_max;
    options.subprotocol = std::string(msg_link::subprotocol);
    auto who = permissions_of(*claims);
    auto name = std::string(auth::to_text(claims->role)) + "@" + request.remote_address;
    return net::upgrade_decision(std::move(options), [this, who = std::move(who),
                                                      name = std::move(name)](std::unique_ptr<net::websocket> socket) {
        return serve_link(std::move(socket), who, name, sessions_, clock_, counters_);
    });
}

} // namespace messaging::endpoint
