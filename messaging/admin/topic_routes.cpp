// /tenants/{tenant}/topics…: list, show, create, delete.
#include "messaging/admin/context.hpp"
#include "messaging/admin/json.hpp"
#include "messaging/admin/walk.hpp"
#include "messaging/endpoint/durable.hpp"

#include "common/core/log.hpp"

#include <boost/asio/this_coro.hpp>

namespace messaging::admin {

namespace {

enum class topic_column : int {
    name,
    rate_in,
    rate_out,
    messages_in,
    messages_out,
    subscribers,
    backlog,
    used,
    last_used
};
constexpr sort_column topic_columns[] = {
    {"name", static_cast<int>(topic_column::name)},
    {"messageRateIn", static_cast<int>(topic_column::rate_in)},
    {"messageRateOut", static_cast<int>(topic_column::rate_out)},
    {"messagesIn", static_cast<int>(topic_column::messages_in)},
    {"messagesOut", static_cast<int>(topic_column::messages_out)},
    {"subscribers", static_cast<int>(topic_column::subscribers)},
    {"backlogBytes", static_cast<int>(topic_column::backlog)},
    {"usedBacklogPercent", static_cast<int>(topic_column::used)},
    {"lastUsed", static_cast<int>(topic_column::last_used)},
};

double topic_number(const topic::topic& one, int column) noexcept {
    switch (static_cast<topic_column>(column)) {
    case topic_column::name: return 0;
    case topic_column::rate_in: return static_cast<double>(one.rates.in);
    case topic_column::rate_out: return static_cast<double>(one.rates.out);
    case topic_column::messages_in: return static_cast<double>(one.messages_in);
    case topic_column::messages_out: return static_cast<double>(one.messages_out);
    case topic_column::subscribers: return static_cast<double>(one.edges.size());
    case topic_column::backlog: return static_cast<double>(one.backlog_bytes);
    case topic_column::used: return used_percent(one);
    case topic_column::last_used: return static_cast<double>(one.used_ms);
    }
    return 0;
}

/// Every topic of the tenant that the query selects.
asio::awaitable<void> collect(topic::tenant& of, list_query query, row_sorter& rows) {
    // A restart of one namespace must not forget the rows of the others: they are kept apart until it is done.
    std::vector<row> found;
    std::function<void()> begin = [&found] { found.clear(); };
    std::function<std::size_t(topic::topic&)> visit = [&found, &query](topic::topic& at) {
        if (!query.name.empty() && !matches_pattern(query.name, at.name())) return std::size_t{0};
        if (query.only_unsafe && !is_unsafe(at)) return std::size_t{0};
        row one;
        one.number = topic_number(at, query.sort);
        one.name = at.name();
        one.name_space = at.name_space();
        found.push_back(std::move(one));
        return std::size_t{1};
    };
    for (auto& [name, space] : of.spaces) {
        if (!query.name_space.empty() && query.name_space != name) continue;
        co_await walk_table(space.topics, begin, visit);
        std::size_t at = 0;
        for (auto& one : found) {
            rows.add(std::move(one));
            if (++at % slice_looks == 0) co_await next_turn();
        }
        found.clear();
    }
}

/// Those that only this topic feeds and that management may take away with it; false when others read it, too.
bool removable_subscriptions(const topic::topic& of, std::vector<topic::subscription*>& into) {
    bool all = true;
    for (const auto& at : of.edges) {
        const bool own =
            !at->by->name.empty() && at->by->filters.size() == 1 && at->by->filters.front().filter == of.name();
        if (own)
            into.push_back(at->by);
        else
            all = false;
    }
    return all;
}

void release_held(management_context& context, const topic::topic& one) {
    const auto found = context.held.find(one.identity);
    if (found == context.held.end()) return;
    context.hub.close_topic(*found->second.which);
    context.held.erase(found);
}

} // namespace

asio::awaitable<net::http_response> list_topics(management_context& context, call what) {
    list_query query;
    if (const auto wrong = read_list_query(what.request, topic_columns, query); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    walk_place place(context);
    if (!place.admitted()) co_return context.refuse(503, "busy", what.request, "too many long lists are being made");
    row_sorter rows(query.descending);
    auto* of = find_tenant(context.hub, what.tenant);
    if (of != nullptr) co_await collect(*of, query, rows);
    const auto total = rows.size();
    const auto page = co_await take_page(rows, query);
    core::json_writer out;
    out.object().key("topics").array();
    for (const auto& one : page)
        if (const auto* found = find_topic(*of, one.name_space, one.name)) append_topic(out, *found);
    out.end();
    append_paging(out, what.request, query, total);
    co_return net::json_response(200, std::move(out.end()).text());
}

asio::awaitable<net::http_response> show_topic(management_context& context, call what) {
    auto* of = find_tenant(context.hub, what.tenant);
    const auto* found = of == nullptr ? nullptr : find_topic(*of, what.parts[0], what.parts[1]);
    if (found == nullptr) co_return context.refuse(404, "unknown_topic", what.request, "there is no such topic");
    core::json_writer out;
    append_topic(out, *found);
    co_return net::json_response(200, std::move(out).text());
}

asio::awaitable<net::http_response> create_topic(management_context& context, call what) {
    new_topic wanted;
    if (const auto wrong = read_new_topic(what.request.body, wanted); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    auto* of = find_tenant(context.hub, what.tenant);
    if (of != nullptr && find_topic(*of, wanted.name_space, wanted.name) != nullptr)
        co_return context.refuse(409, "exists", what.request, "the topic exists");
    if (context.held.size() >= context.options.held_topics_max)
        co_return context.refuse(503, "busy", what.request, "management holds as many unused topics as it may");
    auto why = msg_link::reason::ok;
    auto* made = context.hub.open_topic(what.tenant, wanted.name_space, wanted.name, why);
    if (made == nullptr) co_return context.refuse(why, what.request);
    management_context::held_topic held;
    held.which = made;
    held.until = context.clock.now() + context.options.hold_topic;
    context.held.emplace(made->identity, held);
    context.changed.add();
    core::log::info("topic created",
                    {{"tenant", what.tenant}, {"topic", wanted.name}, {"user", what.who.tenant + "/" + what.who.user}});
    core::json_writer out;
    append_topic(out, *made);
    co_return net::json_response(201, std::move(out).text());
}

asio::awaitable<net::http_response> delete_topic(management_context& context, call what) {
    auto* of = find_tenant(context.hub, what.tenant);
    auto* found = of == nullptr ? nullptr : find_topic(*of, what.parts[0], what.parts[1]);
    if (found == nullptr) co_return context.refuse(404, "unknown_topic", what.request, "there is no such topic");
    if (found->kept())
        co_return context.refuse(409, "kept", what.request, "the service keeps this topic; it empties itself");
    std::vector<topic::subscription*> readers;
    const bool all = removable_subscriptions(*found, readers);
    if (!all)
        co_return context.refuse(409, "in_use", what.request,
                                 "MQTT clients or subscriptions with other filters read the topic; they must go first");
    if (!readers.empty() && what.request.parameter("force") != "true")
        co_return context.refuse(409, "in_use", what.request,
                                 "the topic has subscribers; with force=true they and its backlog are removed, too");
    core::log::info("topic deleted", {{"tenant", what.tenant},
                                      {"topic", what.parts[1]},
                                      {"subscribers", readers.size()},
                                      {"user", what.who.tenant + "/" + what.who.user}});
    release_held(context, *found);
    for (auto* one : readers) context.hub.remove(*one, msg_link::reason::removed);
    context.changed.add();
    context.hub.kick();
    const auto executor = co_await asio::this_coro::executor;
    const auto error = co_await endpoint::durable(context.hub, executor);
    if (error) co_return context.refuse(503, "store_failed", what.request, error.message());
    co_return net::http_response(204);
}

} // namespace messaging::admin
