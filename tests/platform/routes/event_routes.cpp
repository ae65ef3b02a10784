// Events (ref D.6), without attachments.
#include "tests/platform/routes/records.hpp"

#include <algorithm>

namespace platform_sim::routes {

namespace {

using model::record;

constexpr std::string_view path = "/event/events/";

json::object document(const call& c, const record& of) { return record_document(c, of, path); }

http_response unknown(const std::string& id) {
    return not_found("event", "Finding event from database failed : No event for id '" + id + "'!");
}

http_response create(call& c) {
    http_response no;
    auto body = read_body(c, "event", no);
    if (!body) return no;
    const auto how = read_processing(c.http, true);
    if (!how) return refuse(model::invalid("Unknown processing mode"));
    record made;
    if (const auto wrong = read_record(c, std::move(*body), {"type", "text", "time"}, made)) return refuse(*wrong);
    if (!c.may_touch(made.source)) return forbidden();
    made.id = c.of.next_id();
    const json::object answer = document(c, made);
    const bool stored = !how->notify || notify(c, "events", "CREATE", made.source, answer);
    const auto id = made.id;
    if (how->store) (void)c.of.events.add(std::move(made));
    return stored ? created(c, "event", c.base + std::string(path) + std::to_string(id), answer) : backlog_full();
}

http_response get(call& c) {
    const auto* found = c.of.events.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    return ok(c, "event", model::json_text(document(c, *found)));
}

http_response update(call& c) {
    auto* found = c.of.events.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    http_response no;
    const auto body = read_body(c, "event", no);
    if (!body) return no;
    for (const auto fixed : {"id", "self", "source", "type", "time", "creationTime", "lastUpdated"})
        if (body->contains(fixed)) return refuse(model::invalid(std::string(fixed) + " cannot be changed"));
    if (body->contains("text") && model::text_member(*body, "text").empty()) return refuse(model::missing("text"));
    bool stored = true;
    if (model::merge_fields(found->fields, *body)) {
        found->updated_ms = c.now_ms();
        stored = notify(c, "events", "UPDATE", found->source, document(c, *found));
    }
    return stored ? updated(c, "event", document(c, *found)) : backlog_full();
}

http_response remove(call& c) {
    const auto* found = c.of.events.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    json::object body;
    body["id"] = c.captured[0];
    body["type"] = text(model::text_member(found->fields, "type"));
    const bool stored = notify(c, "events", "DELETE", found->source, body);
    (void)c.of.events.erase(found->id);
    return stored ? no_content() : backlog_full();
}

bool passes(const call& c, const record& of, const record_ranges& ranges) {
    const auto& http = c.http;
    if (!ranges.holds(of) || !c.may_touch(of.source)) return false;
    if (http.has_parameter("source") && of.source != model::parse_id(http.parameter("source"))) return false;
    if (http.has_parameter("type") && model::text_member(of.fields, "type") != http.parameter("type")) return false;
    if (!http.has_parameter("fragmentType")) return true;
    const auto* fragment = model::find_path(of.fields, http.parameter("fragmentType"));
    if (fragment == nullptr) return false;
    if (!http.has_parameter("fragmentValue")) return true;
    return fragment->is_string() && std::string_view(fragment->get_string()) == http.parameter("fragmentValue");
}

http_response list(call& c) {
    record_ranges ranges;
    if (const auto no = read_ranges(c.http, ranges)) return refuse(*no);
    std::vector<const record*> found;
    for (const auto& [id, of] : c.of.events.all())
        if (passes(c, of, ranges)) found.push_back(&of);
    const bool oldest_first = flag_parameter(c.http, "revert");
    std::sort(found.begin(), found.end(), [&](const record* a, const record* b) {
        return oldest_first ? std::pair(a->time_ms, a->id) < std::pair(b->time_ms, b->id)
                            : std::pair(b->time_ms, b->id) < std::pair(a->time_ms, a->id);
    });
    return paged(c, "eventCollection", "events", found,
                 [&](std::string& out, const record* of) { model::append_json(out, document(c, *of)); });
}

http_response remove_many(call& c) {
    record_ranges ranges;
    if (const auto no = read_ranges(c.http, ranges)) return refuse(*no);
    (void)c.of.events.erase_if([&](const record& of) { return passes(c, of, ranges); });
    return no_content();
}

} // namespace

std::span<const route> event_routes() {
    static const std::vector<route> all{
        {"POST", "/event/events", create, {"ROLE_EVENT_ADMIN"}, true},
        {"GET", "/event/events", list, {"ROLE_EVENT_READ"}, true},
        {"DELETE", "/event/events", remove_many, {"ROLE_EVENT_ADMIN"}},
        {"GET", "/event/events/{id}", get, {"ROLE_EVENT_READ"}, true},
        {"PUT", "/event/events/{id}", update, {"ROLE_EVENT_ADMIN"}, true},
        {"DELETE", "/event/events/{id}", remove, {"ROLE_EVENT_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
