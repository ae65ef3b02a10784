// What the management routes share: the hub, who may ask, how a refusal is told, and the bound on long walks. Owned by
// management_api; one thread.
#pragma once

#include "common/auth/login_guard.hpp"
#include "common/core/clock.hpp"
#include "common/net/http.hpp"
#include "common/ops/metrics.hpp"
#include "messaging/topic/hub.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::admin {

namespace asio = boost::asio;

/// Roles of the platform (ref H.1) beside ROLE_TENANT_ADMIN, which may both.
inline constexpr std::string_view role_statistics_read = "ROLE_TENANT_STATISTICS_READ";
inline constexpr std::string_view role_management_admin = "ROLE_TENANT_MANAGEMENT_ADMIN";

/// What a route asks of its caller.
enum class need : std::uint8_t {
    view,    ///< numbers and names
    change,  ///< create, delete, publish; and reading payloads
    operate, ///< what concerns all tenants: the operator's tenant, with the right to change
    oversee, ///< the same with the right to view
};

struct management_options {
    std::string operator_tenant = "management"; ///< its users may see and change every tenant; empty: nobody may
    std::string data_directory;
    std::string durability;
    std::size_t walks_max = 4; ///< long lists at a time; each holds a copy of its rows
    std::chrono::milliseconds hold_topic{std::chrono::hours(1)}; ///< how long a topic made here stays without any use
    std::size_t held_topics_max = 10'000;
    /// What a tenant may use now, with what management set.
    std::function<topic::limits(std::string_view tenant)> limits_of;
    std::function<std::size_t()> connected_links;
};

struct management_context {
    management_context(topic::hub& to, auth::login_guard& who, const core::clock& time, ops::metrics& numbers,
                       management_options with);
    management_context(const management_context&) = delete;
    management_context& operator=(const management_context&) = delete;

    /// One answer of the platform's form (ref D.1), one log line, one count by reason.
    net::http_response refuse(unsigned status, std::string_view reason, const net::http_request& request,
                              std::string_view why);
    /// What the hub refused.
    net::http_response refuse(msg_link::reason why, const net::http_request& request);

    topic::hub& hub;
    auth::login_guard& logins;
    const core::clock& clock;
    management_options options;
    std::int64_t started_ms;
    std::size_t walks = 0;

    struct held_topic {
        topic::topic* which = nullptr;
        core::steady_time until{};
    };
    /// Topics made here, kept open as a publisher's would be, by their identity.
    std::map<std::uint64_t, held_topic> held;

    ops::counter& answered;
    ops::counter& changed;
    ops::family<ops::counter>& refused; ///< by reason
};

struct access {
    std::string tenant;
    std::string user;
    bool is_operator = false;
    bool may_change = false;
};

/// One admitted request. `tenant` and `parts` are the decoded segments of the path where the pattern has `{…}`.
struct call {
    call() = default;

    net::http_request request;
    access who;
    std::string tenant;
    std::vector<std::string> parts; ///< behind the tenant
};

using handler = asio::awaitable<net::http_response> (*)(management_context&, call);

/// Null when nothing of it is in messaging.
topic::tenant* find_tenant(topic::hub& in, std::string_view name);
topic::topic* find_topic(topic::tenant& in, std::string_view name_space, std::string_view name);

// overview_routes.cpp
asio::awaitable<net::http_response> show_server(management_context& context, call what);
asio::awaitable<net::http_response> list_tenants(management_context& context, call what);
asio::awaitable<net::http_response> show_tenant(management_context& context, call what);
// limit_routes.cpp
asio::awaitable<net::http_response> show_limits(management_context& context, call what);
asio::awaitable<net::http_response> set_limits(management_context& context, call what);
asio::awaitable<net::http_response> reset_limits(management_context& context, call what);
// topic_routes.cpp
asio::awaitable<net::http_response> list_topics(management_context& context, call what);
asio::awaitable<net::http_response> show_topic(management_context& context, call what);
asio::awaitable<net::http_response> create_topic(management_context& context, call what);
asio::awaitable<net::http_response> delete_topic(management_context& context, call what);
// subscription_routes.cpp
asio::awaitable<net::http_response> list_subscriptions(management_context& context, call what);
asio::awaitable<net::http_response> show_subscription(management_context& context, call what);
asio::awaitable<net::http_response> create_subscription(management_context& context, call what);
asio::awaitable<net::http_response> delete_subscription(management_context& context, call what);
// message_routes.cpp
asio::awaitable<net::http_response> peek_messages(management_context& context, call what);
asio::awaitable<net::http_response> publish_message(management_context& context, call what);

} // namespace messaging::admin
