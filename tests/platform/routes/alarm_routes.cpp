// Alarms (ref D.5): de-duplication by source and type, clearing one by one or by query.
#include "tests/platform/routes/records.hpp"

#include <algorithm>

namespace platform_sim::routes {

namespace {

using model::record;
using model::text_member;

constexpr std::string_view path = "/alarm/alarms/";
constexpr std::string_view severities[] = {"CRITICAL", "MAJOR", "MINOR", "WARNING"};
constexpr std::string_view statuses[] = {"ACTIVE", "ACKNOWLEDGED", "CLEARED"};

json::object document(const call& c, const record& of) {
    json::object made = record_document(c, of, path);
    json::object history;
    history["auditRecords"] = json::array();
    history["self"] = c.base + "/audit/auditRecords?source=" + std::to_string(of.id);
    made["history"] = std::move(history);
    return made;
}

http_response unknown(const std::string& id) {
    return not_found("alarm", "Finding alarm from database failed : No alarm for id '" + id + "'!");
}

template <std::size_t Count> bool known(const std::string_view (&all)[Count], std::string_view word) {
    return std::find(std::begin(all), std::end(all), word) != std::end(all);
}

/// Upper case in place, since letter case does not matter; refuses what is no such word.
std::optional<refusal> normalize(json::object& body) {
    for (const auto key : {"severity", "status"}) {
        if (!body.contains(key)) continue;
        const std::string word = model::upper(text_member(body, key));
        if (!(std::string_view(key) == "severity" ? known(severities, word) : known(statuses, word)))
            return model::invalid(std::string(key) + " '" + word + "' is not valid");
        body[key] = word;
    }
    return std::nullopt;
}

std::pair<std::uint64_t, std::string> key_of(const record& of) {
    return {of.source, std::string(text_member(of.fields, "type"))};
}

/// The alarm that `like` would only count again; null when there is none.
record* active_like(call& c, const record& like) {
    const auto known_at = c.of.latest_alarms.find(key_of(like));
    if (known_at == c.of.latest_alarms.end()) return nullptr;
    record* found = c.of.alarms.find(known_at->second);
    if (found != nullptr && text_member(found->fields, "status") != "CLEARED") return found;
    c.of.latest_alarms.erase(known_at);
    return nullptr;
}

/// `c8y_RequiredAvailability.responseInterval` of zero or less silences a device (ref D.2, Availability).
bool in_maintenance(const call& c, std::uint64_t source) {
    const auto* interval =
        model::find_path(c.of.objects.find(source)->fields, "c8y_RequiredAvailability.responseInterval");
    return interval != nullptr && interval->is_number() && interval->to_number<double>() <= 0;
}

/// The same alarm once more: only count and time move.
void count_again(call& c, record& of, const record& again) {
    if (!of.fields.contains("firstOccurrenceTime")) of.fields["firstOccurrenceTime"] = of.fields["time"];
    of.fields["count"] = of.fields["count"].to_number<std::int64_t>() + 1;
    of.fields["time"] = again.fields.at("time");
    of.time_ms = again.time_ms;
    of.updated_ms = c.now_ms();
}

http_response create(call& c) {
    http_response no;
    auto body = read_body(c, "alarm", no);
    if (!body) return no;
    const auto how = read_processing(c.http, false);
    if (!how) return refuse(model::invalid("Processing mode not valid for alarms"));
    record made;
    if (const auto wrong = read_record(c, std::move(*body), {"type", "text", "severity", "time"}, made))
        return refuse(*wrong);
    if (!made.fields.contains("status")) made.fields["status"] = "ACTIVE";
    if (const auto wrong = normalize(made.fields)) return refuse(*wrong);
    if (!c.may_touch(made.source)) return forbidden();
    if (in_maintenance(c, made.source)) {
        json::object answer = document(c, made);
        answer["self"] = c.base + std::string(path) + "null";
        answer.erase("id");
        return created(c, "alarm", c.base + std::string(path) + "null", answer);
    }
    record* at = text_member(made.fields, "status") == "CLEARED" ? nullptr : active_like(c, made);
    const bool again = at != nullptr;
    if (again) {
        count_again(c, *at, made);
    } else {
        made.id = c.of.next_id();
        made.fields["count"] = 1;
        if (how->store && text_member(made.fields, "status") != "CLEARED") c.of.latest_alarms[key_of(made)] = made.id;
        at = how->store ? &c.of.alarms.add(std::move(made)) : &made;
    }
    const json::object answer = document(c, *at);
    if (!notify(c, "alarms", again ? "UPDATE" : "CREATE", at->source, answer)) return backlog_full();
    return created(c, "alarm", c.base + std::string(path) + std::to_string(at->id), answer);
}

http_response get(call& c) {
    const auto* found = c.of.alarms.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    return ok(c, "alarm", model::json_text(document(c, *found)));
}

/// False when a backlog was full; unchanged content tells nobody.
bool apply(call& c, record& to, const json::object& change) {
    if (!model::merge_fields(to.fields, change)) return true;
    to.updated_ms = c.now_ms();
    if (text_member(to.fields, "status") != "CLEARED" && active_like(c, to) == nullptr)
        c.of.latest_alarms[key_of(to)] = to.id; // cleared before, active again
    return notify(c, "alarms", "UPDATE", to.source, document(c, to));
}

http_response update(call& c) {
    auto* found = c.of.alarms.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    http_response no;
    auto body = read_body(c, "alarm", no);
    if (!body) return no;
    for (const auto fixed : {"id", "self", "source", "type", "time", "creationTime", "lastUpdated", "count",
                             "firstOccurrenceTime", "history"})
        if (body->contains(fixed)) return refuse(model::invalid(std::string(fixed) + " cannot be changed"));
    if (body->contains("text") && text_member(*body, "text").empty()) return refuse(model::missing("text"));
    if (const auto wrong = normalize(*body)) return refuse(*wrong);
    return apply(c, *found, *body) ? updated(c, "alarm", document(c, *found)) : backlog_full();
}

std::vector<std::string> upper_list(const http_request& http, std::string_view name) {
    auto list = list_parameter(http, name);
    for (auto& item : list) item = model::upper(item);
    return list;
}

struct filter {
    std::vector<std::string> status;
    std::vector<std::string> severity;
    std::vector<std::string> type;
    record_ranges ranges;

    bool holds(const call& c, const record& of) const {
        const auto& http = c.http;
        const auto is = text_member(of.fields, "status");
        if (!ranges.holds(of) || !c.may_touch(of.source)) return false;
        if (http.has_parameter("source") && of.source != model::parse_id(http.parameter("source"))) return false;
        if (!status.empty() && !in_list(status, is)) return false;
        if (!severity.empty() && !in_list(severity, text_member(of.fields, "severity"))) return false;
        if (!type.empty() && !in_list(type, text_member(of.fields, "type"))) return false;
        return !http.has_parameter("resolved") || flag_parameter(http, "resolved") == (is == "CLEARED");
    }
};

std::optional<refusal> read_filter(const http_request& http, filter& into) {
    into.status = upper_list(http, "status");
    into.severity = upper_list(http, "severity");
    into.type = list_parameter(http, "type");
    for (const auto& word : into.status)
        if (!known(statuses, word)) return model::invalid("status '" + word + "' is not valid");
    for (const auto& word : into.severity)
        if (!known(severities, word)) return model::invalid("severity '" + word + "' is not valid");
    return read_ranges(http, into.ranges);
}

/// Newest first; nothing and `no` set when a filter is wrong.
std::vector<record*> find_all(call& c, std::optional<refusal>& no) {
    filter wanted;
    no = read_filter(c.http, wanted);
    std::vector<record*> found;
    if (no) return found;
    for (auto& [id, of] : c.of.alarms.all())
        if (wanted.holds(c, of)) found.push_back(&of);
    std::sort(found.begin(), found.end(), [](const record* a, const record* b) {
        return std::pair(b->time_ms, b->id) < std::pair(a->time_ms, a->id);
    });
    return found;
}

http_response update_many(call& c) {
    std::optional<refusal> wrong;
    const auto found = find_all(c, wrong);
    if (wrong) return refuse(*wrong);
    http_response no;
    auto body = read_body(c, "alarm", no);
    if (!body) return no;
    if (body->size() != 1 || !body->contains("status"))
        return refuse(model::invalid("Only the status can be changed in bulk"));
    if (const auto bad = normalize(*body)) return refuse(*bad);
    bool stored = true;
    for (record* of : found) stored = apply(c, *of, *body) && stored;
    return stored ? http_response(200) : backlog_full();
}

http_response list(call& c) {
    std::optional<refusal> wrong;
    const auto found = find_all(c, wrong);
    if (wrong) return refuse(*wrong);
    return paged(c, "alarmCollection", "alarms", found,
                 [&](std::string& out, const record* of) { model::append_json(out, document(c, *of)); });
}

http_response count(call& c) {
    std::optional<refusal> wrong;
    const auto found = find_all(c, wrong);
    if (wrong) return refuse(*wrong);
    return http_response(200, "text/plain", std::to_string(found.size()));
}

http_response remove_many(call& c) {
    filter wanted;
    if (const auto no = read_filter(c.http, wanted)) return refuse(*no);
    (void)c.of.alarms.erase_if([&](const record& of) { return wanted.holds(c, of); });
    return no_content();
}

} // namespace

std::span<const route> alarm_routes() {
    static const std::vector<route> all{
        {"POST", "/alarm/alarms", create, {"ROLE_ALARM_ADMIN"}, true},
        {"GET", "/alarm/alarms", list, {"ROLE_ALARM_READ"}, true},
        {"PUT", "/alarm/alarms", update_many, {"ROLE_ALARM_ADMIN"}},
        {"DELETE", "/alarm/alarms", remove_many, {"ROLE_ALARM_ADMIN"}},
        {"GET", "/alarm/alarms/count", count, {"ROLE_ALARM_READ"}, true},
        {"GET", "/alarm/alarms/{id}", get, {"ROLE_ALARM_READ"}, true},
        {"PUT", "/alarm/alarms/{id}", update, {"ROLE_ALARM_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
