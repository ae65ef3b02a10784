// /tenants/{tenant}/subscriptions…: list (also of one topic), show, create, delete.
#include "messaging/admin/context.hpp"
#include "messaging/admin/json.hpp"
#include "messaging/admin/walk.hpp"
#include "messaging/endpoint/api_context.hpp"
#include "messaging/endpoint/durable.hpp"

#include "common/core/log.hpp"
#include "common/record/filter.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>

namespace messaging::admin {

namespace {

enum class column : int { name, id, rate, acknowledged, last, idle, clients, unacknowledged, backlog, used };
constexpr sort_column columns[] = {
    {"subscriber", static_cast<int>(column::name)},
    {"id", static_cast<int>(column::id)},
    {"acknowledgmentRate", static_cast<int>(column::rate)},
    {"acknowledged", static_cast<int>(column::acknowledged)},
    {"lastAcknowledged", static_cast<int>(column::last)},
    {"idleSince", static_cast<int>(column::idle)},
    {"connectedClients", static_cast<int>(column::clients)},
    {"unacknowledgedMessages", static_cast<int>(column::unacknowledged)},
    {"backlogBytes", static_cast<int>(column::backlog)},
    {"usedBacklogPercent", static_cast<int>(column::used)},
};

double number_of(const topic::subscription& one, int by) noexcept {
    switch (static_cast<column>(by)) {
    case column::name: return 0;
    case column::id: return static_cast<double>(one.id());
    case column::rate: return static_cast<double>(one.rates.acknowledged);
    case column::acknowledged: return static_cast<double>(one.acknowledged_count);
    case column::last: return static_cast<double>(one.last_acknowledged_ms);
    case column::idle: return one.consumers.empty() ? static_cast<double>(one.idle_since_ms) : 0;
    case column::clients: return static_cast<double>(one.consumers.size());
    case column::unacknowledged: return static_cast<double>(one.unacknowledged);
    case column::backlog: return static_cast<double>(one.held_bytes);
    case column::used: return used_percent(one);
    }
    return 0;
}

bool reads(const topic::subscription& one, std::string_view topic) {
    return std::any_of(one.filters.begin(), one.filters.end(),
                       [&](const auto& at) { return record::filter_matches(at.filter, topic); });
}

asio::awaitable<void> collect(topic::hub& hub, topic::tenant& of, list_query query, std::string topic,
                              row_sorter& rows) {
    std::function<void()> begin = [&rows] { rows.clear(); };
    std::function<std::size_t(topic::subscription&)> visit = [&](topic::subscription& at) {
        if (!query.name_space.empty() && query.name_space != at.name_space) return std::size_t{0};
        if (!topic.empty() && !reads(at, topic)) return at.filters.size();
        if (query.only_unsafe && !is_unsafe(at, hub.now_ms())) return std::size_t{0};
        row one;
        one.name = owner_of(hub, at).name;
        if (!query.name.empty() && !matches_pattern(query.name, one.name)) return at.filters.size();
        one.number = number_of(at, query.sort);
        one.id = at.id();
        rows.add(std::move(one));
        return at.filters.size();
    };
    co_await walk_table(of.subscriptions, begin, visit);
}

topic::subscription* find(topic::tenant* of, std::string_view text) {
    std::uint64_t id = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
    if (of == nullptr || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return nullptr;
    const auto found = of->subscriptions.find(id); // the tenant's own: another's numbers find nothing
    return found == of->subscriptions.end() ? nullptr : found->second.get();
}

} // namespace

asio::awaitable<net::http_response> list_subscriptions(management_context& context, call what) {
    list_query query;
    if (const auto wrong = read_list_query(what.request, columns, query); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    walk_place place(context);
    if (!place.admitted()) co_return context.refuse(503, "busy", what.request, "too many long lists are being made");
    row_sorter rows(query.descending);
    auto* of = find_tenant(context.hub, what.tenant);
    std::string topic(what.request.parameter("topic"));
    if (of != nullptr) co_await collect(context.hub, *of, query, std::move(topic), rows);
    const auto total = rows.size();
    const auto page = co_await take_page(rows, query);
    core::json_writer out;
    out.object().key("subscriptions").array();
    for (const auto& one : page) {
        const auto found = of->subscriptions.find(one.id);
        if (found != of->subscriptions.end()) append_subscription(out, context.hub, *found->second);
    }
    out.end();
    append_paging(out, what.request, query, total);
    co_return net::json_response(200, std::move(out.end()).text());
}

asio::awaitable<net::http_response> show_subscription(management_context& context, call what) {
    const auto* found = find(find_tenant(context.hub, what.tenant), what.parts[0]);
    if (found == nullptr)
        co_return context.refuse(404, "unknown_subscription", what.request, "there is no such subscription");
    core::json_writer out;
    append_subscription(out, context.hub, *found);
    co_return net::json_response(200, std::move(out).text());
}

asio::awaitable<net::http_response> create_subscription(management_context& context, call what) {
    new_subscription wanted;
    if (const auto wrong = read_new_subscription(what.request.body, wanted); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    // An exact topic is what a subscriber of the WebSocket API has; only the link knows filters.
    const auto name = record::has_wildcard(wanted.topic)
                          ? wanted.subscriber
                          : endpoint::subscription_name(wanted.subscriber, wanted.topic, false);
    if (context.hub.find_subscription(what.tenant, wanted.name_space, name) != nullptr)
        co_return context.refuse(409, "exists", what.request, "the subscriber has this subscription already");
    topic::subscribe_request request;
    request.tenant = what.tenant;
    request.name_space = wanted.name_space;
    request.name = name;
    request.durability = msg_link::durability::durable;
    auto why = msg_link::reason::ok;
    auto* made = context.hub.subscribe(request, why);
    if (made == nullptr) co_return context.refuse(why, what.request);
    why = context.hub.add_filter(*made, endpoint::filter_of(wanted.topic), 2, wanted.start);
    if (why != msg_link::reason::ok) {
        context.hub.remove(*made, msg_link::reason::ok);
        co_return context.refuse(why, what.request);
    }
    const auto id = made->id();
    context.hub.kick();
    const auto executor = co_await asio::this_coro::executor;
    const auto error = co_await endpoint::durable(context.hub, executor);
    if (error) co_return context.refuse(503, "store_failed", what.request, error.message());
    context.changed.add();
    core::log::info("subscription created",
                    {{"tenant", what.tenant}, {"subscription", name}, {"user", what.who.tenant + "/" + what.who.user}});
    auto* still = find(find_tenant(context.hub, what.tenant), std::to_string(id));
    if (still == nullptr)
        co_return context.refuse(409, "removed", what.request, "somebody removed the subscription at once");
    core::json_writer out;
    append_subscription(out, context.hub, *still);
    co_return net::json_response(201, std::move(out).text());
}

asio::awaitable<net::http_response> delete_subscription(management_context& context, call what) {
    auto* found = find(find_tenant(context.hub, what.tenant), what.parts[0]);
    if (found == nullptr)
        co_return context.refuse(404, "unknown_subscription", what.request, "there is no such subscription");
    const auto owner = owner_of(context.hub, *found);
    core::log::info("subscription removed", {{"tenant", what.tenant},
                                             {"id", what.parts[0]},
                                             {"kind", owner.kind},
                                             {"subscriber", owner.name},
                                             {"user", what.who.tenant + "/" + what.who.user}});
    context.hub.remove(*found, msg_link::reason::removed);
    context.changed.add();
    context.hub.kick();
    const auto executor = co_await asio::this_coro::executor;
    const auto error = co_await endpoint::durable(context.hub, executor);
    if (error) co_return context.refuse(503, "store_failed", what.request, error.message());
    co_return net::http_response(204);
}

} // namespace messaging::admin
