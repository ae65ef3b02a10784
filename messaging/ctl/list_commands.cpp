// topics, subscriptions.
#include "messaging/ctl/commands.hpp"
#include "messaging/ctl/table.hpp"

#include "common/core/percent.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <iostream>

namespace messaging::ctl {

namespace {

namespace dom = simdjson::dom;

std::string query_of(const options& given, bool topics) {
    std::string query;
    const auto add = [&](const char* name, const std::string& value) {
        query += (query.empty() ? "?" : "&") + std::string(name) + "=" + core::percent_encode(value);
    };
    const std::pair<const char*, const char*> plain[] = {{"--name", "name"},          {"--namespace", "namespace"},
                                                         {"--sort", "sort"},          {"--page", "currentPage"},
                                                         {"--page-size", "pageSize"}, {"--topic", "topic"}};
    for (const auto& [option, name] : plain)
        if (given.has(option) && !(topics && std::string_view(option) == "--topic")) add(name, given.value(option));
    if (given.has("--unsafe")) add("unsafe", "true");
    return query;
}

std::string text(const dom::element& of, std::string_view name) {
    std::string_view value;
    return of[name].get(value) == simdjson::SUCCESS ? printable(value) : std::string("-");
}
double number(const dom::element& of, std::string_view name) {
    double value = 0;
    return of[name].get(value) == simdjson::SUCCESS ? value : 0.0;
}
std::string rate(const dom::element& of, std::string_view name) { return fmt::format("{:.1f}", number(of, name)); }
std::string count(const dom::element& of, std::string_view name) { return fmt::format("{:.0f}", number(of, name)); }
std::string percent(const dom::element& of) { return fmt::format("{:.1f}", number(of, "usedBacklogPercent")); }
std::string safe(const dom::element& of) {
    bool unsafe = false;
    return of["unsafe"].get(unsafe) == simdjson::SUCCESS && unsafe ? "!" : "";
}

std::string filters_of(const dom::element& of) {
    constexpr std::size_t shown_max = 3;
    std::string all;
    dom::array filters;
    if (of["filters"].get(filters) != simdjson::SUCCESS) return "-";
    std::size_t shown = 0;
    for (const auto one : filters) {
        if (shown == shown_max) break;
        all += (shown++ == 0 ? "" : " ") + text(one, "filter");
    }
    const auto more = number(of, "filterCount") - static_cast<double>(shown);
    return more > 0 ? all + fmt::format(" and {:.0f} more", more) : all;
}

const std::vector<column> topic_columns{{"TOPIC", false}, {"NAMESPACE", false}, {"IN/s", true},   {"OUT/s", true},
                                        {"SUBS", true},   {"BACKLOG", true},    {"USED %", true}, {"", false}};
std::vector<std::string> topic_row(const dom::element& of) {
    return {text(of, "name"),
            text(of, "namespace"),
            rate(of, "messageRateIn"),
            rate(of, "messageRateOut"),
            count(of, "subscribers"),
            readable_bytes(number(of, "backlogBytes")),
            percent(of),
            safe(of)};
}

const std::vector<column> subscription_columns{
    {"ID", true},      {"SUBSCRIBER", false}, {"KIND", false},  {"READS", false},    {"CLIENTS", true}, {"ACK/s", true},
    {"UNACKED", true}, {"BACKLOG", true},     {"USED %", true}, {"LAST ACK", false}, {"", false}};
std::vector<std::string> subscription_row(const dom::element& of) {
    return {text(of, "id"),
            text(of, "subscriber"),
            text(of, "kind"),
            filters_of(of),
            count(of, "connectedClients"),
            rate(of, "acknowledgmentRate"),
            count(of, "unacknowledgedMessages"),
            readable_bytes(number(of, "backlogBytes")),
            percent(of),
            text(of, "lastAcknowledged"),
            safe(of)};
}

asio::awaitable<int> show_list(session& over, const options& given, std::string what,
                               const std::vector<column>& columns,
                               std::vector<std::string> (*row_of)(const dom::element&)) {
    if (given.words.size() > 1) co_return complain("'" + given.words[1] + "' is one word too many; --name filters", 2);
    auto target =
        "/management/tenants/" + core::percent_encode(over.as.tenant) + "/" + what + query_of(given, what == "topics");
    const auto body = co_await ask(over, "GET", std::move(target));
    if (!body) co_return complain(over.trouble, 1);
    if (given.has("--json")) {
        std::cout << *body << "\n";
        co_return 0;
    }
    dom::parser parser;
    dom::element root;
    dom::array list;
    if (parser.parse(*body).get(root) != simdjson::SUCCESS || root[what].get(list) != simdjson::SUCCESS)
        co_return complain("the server answered something that is no list; is --url that of messaging?", 1);
    std::vector<std::vector<std::string>> rows;
    for (const auto one : list) rows.push_back(row_of(one));
    std::cout << format_table(columns, rows);
    const auto statistics = root["statistics"];
    std::uint64_t total = 0;
    std::uint64_t page = 1;
    std::uint64_t pages = 1;
    (void)statistics["totalElements"].get(total); // absent counts as none
    (void)statistics["currentPage"].get(page);
    (void)statistics["totalPages"].get(pages);
    if (pages > 1)
        std::cerr << "page " << page << " of " << pages << ", " << total << " in all; --page N shows others\n";
    co_return 0;
}

} // namespace

asio::awaitable<int> show_topics(session& over, const options& given) {
    return show_list(over, given, "topics", topic_columns, topic_row);
}

asio::awaitable<int> show_subscriptions(session& over, const options& given) {
    return show_list(over, given, "subscriptions", subscription_columns, subscription_row);
}

} // namespace messaging::ctl
