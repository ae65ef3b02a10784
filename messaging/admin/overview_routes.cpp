// GET /server, /tenants, /tenants/{tenant}: the whole at a glance.
#include "messaging/admin/context.hpp"
#include "messaging/admin/json.hpp"
#include "messaging/admin/walk.hpp"

#include <filesystem>

namespace messaging::admin {

namespace {

enum class tenant_column : int { name, topics, subscriptions, backlog, used, messages_in, messages_out, expired };
constexpr sort_column tenant_columns[] = {
    {"name", static_cast<int>(tenant_column::name)},
    {"topics", static_cast<int>(tenant_column::topics)},
    {"subscriptions", static_cast<int>(tenant_column::subscriptions)},
    {"backlogBytes", static_cast<int>(tenant_column::backlog)},
    {"usedBacklogPercent", static_cast<int>(tenant_column::used)},
    {"messagesIn", static_cast<int>(tenant_column::messages_in)},
    {"messagesExpired", static_cast<int>(tenant_column::expired)},
};

double tenant_percent(const topic::tenant& one) noexcept {
    return used_percent(one.backlog_bytes, one.quota.backlog_bytes_per_tenant);
}

double tenant_number(const topic::tenant& one, int column) noexcept {
    switch (static_cast<tenant_column>(column)) {
    case tenant_column::topics: return static_cast<double>(one.topic_count);
    case tenant_column::subscriptions: return static_cast<double>(one.subscriptions.size());
    case tenant_column::backlog: return static_cast<double>(one.backlog_bytes);
    case tenant_column::used: return tenant_percent(one);
    case tenant_column::messages_in: return static_cast<double>(one.messages_in);
    case tenant_column::expired: return static_cast<double>(one.messages_expired);
    default: return 0;
    }
}

/// Members of the object that is open.
void append_tenant(core::json_writer& out, const topic::tenant& one) {
    out.member("name", one.name).member("topics", one.topic_count).member("subscriptions", one.subscriptions.size());
    out.member("backlogBytes", one.backlog_bytes).member("usedBacklogPercent", tenant_percent(one));
    out.member("stateBytes", one.state_bytes).member("messagesIn", one.messages_in);
    out.member("messagesExpired", one.messages_expired).member("messagesSkipped", one.messages_skipped);
}

void append_store(core::json_writer& out, const management_context& context) {
    const auto stats = context.hub.log().stats();
    const auto& found = context.hub.log().report();
    out.key("store").object().member("diskBytes", stats.disk_bytes).member("liveBytes", stats.live_bytes);
    out.member("liveMessages", stats.live_messages).member("segments", stats.segments);
    out.member("spareSegments", stats.spare_segments).member("damagedPlaces", found.damaged_places);
    std::error_code failed;
    const auto space = std::filesystem::space(context.options.data_directory, failed);
    out.key("diskFreeBytes");
    if (failed)
        out.null();
    else
        out.value(space.available);
    out.end();
}

struct feature {
    std::string name;
    std::size_t topics = 0;
    std::size_t publishers = 0;
    std::size_t subscribers = 0;
};

} // namespace

asio::awaitable<net::http_response> show_server(management_context& context, call what) {
    core::json_writer out;
    const auto& failed = context.hub.log().failed();
    out.object().member("version", PROJECT_VERSION).member("started", core::iso_time(context.started_ms));
    out.member("uptimeSeconds", (context.clock.wall_ms() - context.started_ms) / 1000);
    out.member("incarnation", std::to_string(context.hub.incarnation()));
    out.member("durability", context.options.durability).member("readOnly", !failed.empty());
    if (what.who.is_operator) { // of all tenants together: not for one of them to see
        if (!failed.empty()) out.member("readOnlyBecause", failed);
        out.member("tenants", context.hub.tenants().size()).member("clients", context.hub.claim_count());
        out.member("links", context.options.connected_links ? context.options.connected_links() : 0);
        append_store(out, context);
    }
    co_return net::json_response(200, std::move(out.end()).text());
}

asio::awaitable<net::http_response> list_tenants(management_context& context, call what) {
    list_query query;
    if (const auto wrong = read_list_query(what.request, tenant_columns, query); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    walk_place place(context);
    if (!place.admitted()) co_return context.refuse(503, "busy", what.request, "too many long lists are being made");
    row_sorter rows(query.descending);
    std::string last; // tenants are never removed, but new ones come: the walk goes on behind the last name
    for (auto at = context.hub.tenants().begin(); at != context.hub.tenants().end();) {
        for (std::size_t looks = 0; looks < slice_looks && at != context.hub.tenants().end(); ++looks, ++at) {
            last = at->first;
            if (!query.name.empty() && !matches_pattern(query.name, at->first)) continue;
            if (query.only_unsafe && tenant_percent(*at->second) <= 80) continue;
            row found;
            found.number = tenant_number(*at->second, query.sort);
            found.name = at->first;
            rows.add(std::move(found));
        }
        if (at == context.hub.tenants().end()) break;
        co_await next_turn();
        at = context.hub.tenants().upper_bound(last);
    }
    const auto total = rows.size();
    const auto page = co_await take_page(rows, query);
    core::json_writer out;
    out.object().key("tenants").array();
    for (const auto& one : page) {
        const auto* found = find_tenant(context.hub, one.name);
        if (found == nullptr) continue;
        out.object();
        append_tenant(out, *found);
        out.end();
    }
    out.end();
    append_paging(out, what.request, query, total);
    co_return net::json_response(200, std::move(out.end()).text());
}

asio::awaitable<net::http_response> show_tenant(management_context& context, call what) {
    auto* one = find_tenant(context.hub, what.tenant);
    core::json_writer out;
    out.object();
    if (one == nullptr) { // the caller's own, not yet seen
        topic::tenant none(what.tenant);
        append_tenant(out, none);
        out.key("features").array().end();
        co_return net::json_response(200, std::move(out.end()).text());
    }
    walk_place place(context);
    if (!place.admitted()) co_return context.refuse(503, "busy", what.request, "too many long lists are being made");
    std::vector<feature> features;
    for (auto& [name, space] : one->spaces) {
        if (name == topic::management_space) continue;
        feature made;
        made.name = name;
        std::function<void()> begin = [&made] { made.topics = made.publishers = 0; };
        std::function<std::size_t(topic::topic&)> visit = [&made](topic::topic& at) {
            ++made.topics;
            made.publishers += at.open_numbers;
            return std::size_t{0};
        };
        co_await walk_table(space.topics, std::move(begin), std::move(visit));
        features.push_back(std::move(made));
    }
    std::function<void()> begin = [&features] {
        for (auto& made : features) made.subscribers = 0;
    };
    std::function<std::size_t(topic::subscription&)> visit = [&features](topic::subscription& at) {
        for (auto& made : features) made.subscribers += made.name == at.name_space ? 1 : 0;
        return features.size();
    };
    co_await walk_table(one->subscriptions, std::move(begin), std::move(visit));
    append_tenant(out, *one);
    out.key("features").array();
    for (const auto& made : features)
        out.object()
            .member("namespace", made.name)
            .member("topics", made.topics)
            .member("publishers", made.publishers)
            .member("subscribers", made.subscribers)
            .end();
    out.end();
    co_return net::json_response(200, std::move(out.end()).text());
}

} // namespace messaging::admin
