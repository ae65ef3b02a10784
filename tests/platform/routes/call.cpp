#include "tests/platform/routes/call.hpp"

#include "common/core/json_writer.hpp"
#include "tests/platform/model/text.hpp"

#include <algorithm>
#include <charconv>

namespace platform_sim::routes {

namespace {

constexpr std::size_t page_size_max = 2000; // ref D.1: larger is trimmed

std::string media_type(const call& c, std::string_view media) {
    if (c.http.headers.get("Accept") == "application/json") return "application/json";
    return "application/vnd.com.nsn.cumulocity." + std::string(media) + "+json;charset=UTF-8;ver=0.9";
}

std::optional<refusal> read_count(const http_request& http, std::string_view name, std::size_t& into) {
    if (!http.has_parameter(name)) return std::nullopt;
    const auto given = http.parameter(name);
    const auto done = std::from_chars(given.data(), given.data() + given.size(), into);
    if (done.ec == std::errc{} && done.ptr == given.data() + given.size() && into > 0) return std::nullopt;
    return model::invalid(std::string(name) + " must be a positive number");
}

} // namespace

model::tenant& world::tenant(const std::string& name) {
    auto& found = tenants[name];
    if (found == nullptr) found = std::make_unique<model::tenant>(name, clock, limits);
    return *found;
}

void world::forget() {
    tenants.clear();
    trust.clear();
    registrations.clear();
    features.clear();
}

std::optional<processing> read_processing(const http_request& http, bool quiescent_and_cep_allowed) {
    const auto mode = http.headers.get("X-Cumulocity-Processing-Mode");
    if (mode.empty() || mode == "PERSISTENT") return processing{true, true};
    if (mode == "TRANSIENT") return processing{false, true};
    if (quiescent_and_cep_allowed && mode == "QUIESCENT") return processing{true, false};
    if (quiescent_and_cep_allowed && mode == "CEP") return processing{false, false};
    return std::nullopt;
}

http_response refuse(const refusal& no) {
    core::json_writer out;
    out.object().member("error", no.error).member("message", no.message);
    out.member("info", "https://www.cumulocity.com/guides/reference-guide/#error_reporting").end();
    return http_response(static_cast<unsigned>(no.status),
                         "application/vnd.com.nsn.cumulocity.error+json;charset=UTF-8;ver=0.9", std::move(out).text());
}

http_response not_found(std::string_view resource, std::string message) {
    return refuse({404, std::string(resource) + "/Not Found", std::move(message)});
}

http_response forbidden() { return refuse({403, "security/Forbidden", "Access is denied."}); }

http_response backlog_full() {
    return refuse({500, "reliable-notification/Internal Server Error", "The backlog of a notification topic is full"});
}

http_response no_content() { return http_response(204); }

http_response created(const call& c, std::string_view media, std::string location, const json::object& body) {
    http_response answer(201);
    answer.headers.set("Location", std::move(location));
    if (!c.http.headers.has("Accept")) return answer;
    answer.content_type = media_type(c, media);
    answer.body = model::json_text(body);
    return answer;
}

http_response updated(const call& c, std::string_view media, const json::object& body) {
    if (!c.http.headers.has("Accept")) return http_response(200);
    return ok(c, media, model::json_text(body));
}

http_response ok(const call& c, std::string_view media, std::string body) {
    return http_response(200, media_type(c, media), std::move(body));
}

http_response plain_json(http_response answer) {
    if (!answer.body.empty()) answer.content_type = "application/json";
    return answer;
}

std::optional<json::object> read_body(const call& c, std::string_view resource, http_response& no) {
    auto body = model::parse_object(c.http.body);
    if (!body) no = refuse({400, std::string(resource) + "/Bad Request", "The body is not a valid JSON object"});
    return body;
}

bool notify(call& c, std::string_view api, std::string_view action, std::uint64_t source, const json::object& body) {
    if (!c.of.notifications.wants(api)) return true;
    model::change changed;
    changed.api = api;
    changed.action = action;
    changed.source = source;
    changed.ancestors = c.of.objects.ancestors(source);
    changed.body = &body;
    return c.of.notifications.publish(changed);
}

std::optional<refusal> read_range(const http_request& http, const std::string& name, time_range& into) {
    const auto read = [&](const std::string& key, std::optional<std::int64_t>& bound) -> std::optional<refusal> {
        if (!http.has_parameter(key)) return std::nullopt;
        bound = model::parse_time(http.parameter(key));
        if (bound) return std::nullopt;
        return model::invalid(key + " is no time");
    };
    if (auto no = read(name + "From", into.from)) return no;
    return read(name + "To", into.to);
}

std::vector<std::string> list_parameter(const http_request& http, std::string_view name) {
    std::vector<std::string> items;
    if (!http.has_parameter(name)) return items;
    for (const auto item : model::split(http.parameter(name), ',')) items.emplace_back(item);
    return items;
}

bool in_list(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

bool flag_parameter(const http_request& http, std::string_view name) { return http.parameter(name) == "true"; }

std::optional<refusal> page::read(const http_request& http, page& into) {
    if (auto no = read_count(http, "currentPage", into.current_)) return no;
    if (auto no = read_count(http, "pageSize", into.size_)) return no;
    into.size_ = std::min(into.size_, page_size_max);
    into.total_pages_ = flag_parameter(http, "withTotalPages");
    into.total_elements_ = flag_parameter(http, "withTotalElements");
    return std::nullopt;
}

std::size_t page::first(std::size_t count) const noexcept {
    return current_ - 1 > count / size_ ? count : std::min(count, (current_ - 1) * size_);
}
std::size_t page::last(std::size_t count) const noexcept { return std::min(count, first(count) + size_); }

std::string page::link(const call& c, std::size_t number) const {
    std::string to = c.base + c.http.target.substr(0, c.http.target.find('?')) + "?";
    const auto question = c.http.target.find('?');
    if (question != std::string::npos)
        for (const auto part : model::split(std::string_view(c.http.target).substr(question + 1), '&'))
            if (!part.empty() && !part.starts_with("currentPage=") && !part.starts_with("pageSize="))
                to.append(part).push_back('&');
    return to + "pageSize=" + std::to_string(size_) + "&currentPage=" + std::to_string(number);
}

void page::begin(std::string& out, const call& c, std::size_t count, std::string_view member) const {
    const auto add = [&](std::string_view name, const std::string& value) {
        core::append_json_string(out, name);
        out.push_back(':');
        core::append_json_string(out, value);
        out.push_back(',');
    };
    out.push_back('{');
    add("self", link(c, current_));
    if (last(count) - first(count) == size_) add("next", link(c, current_ + 1));
    if (current_ > 1) add("prev", link(c, current_ - 1));
    core::append_json_string(out, member);
    out.append(":[");
}

void page::end(std::string& out, std::size_t count) const {
    core::json_writer statistics;
    statistics.object().member("currentPage", current_).member("pageSize", size_);
    if (total_pages_) statistics.member("totalPages", (count + size_ - 1) / size_);
    if (total_elements_) statistics.member("totalElements", count);
    out.append("],\"statistics\":").append(std::move(statistics.end()).text()).push_back('}');
}

json::object reference(const call& c, std::uint64_t object, bool with_name) {
    const std::string id = std::to_string(object);
    json::object made;
    made["id"] = id;
    if (with_name)
        if (const auto* found = c.of.objects.find(object); found != nullptr && !found->name().empty())
            made["name"] = text(found->name());
    made["self"] = c.base + "/inventory/managedObjects/" + id;
    return made;
}

} // namespace platform_sim::routes
