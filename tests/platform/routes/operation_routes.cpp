// Operations (ref D.7): PENDING, EXECUTING, SUCCESSFUL or FAILED.
#include "common/core/clock.hpp"
#include "tests/platform/model/text.hpp"
#include "tests/platform/routes/call.hpp"

#include <algorithm>

namespace platform_sim::routes {

namespace {

using model::record;
using model::text_member;

constexpr std::string_view path = "/devicecontrol/operations/";

json::object document(const call& c, const record& of) {
    json::object made;
    const std::string id = std::to_string(of.id);
    made["id"] = id;
    made["deviceId"] = std::to_string(of.source);
    made["creationTime"] = core::iso_time(of.created_ms);
    made["self"] = c.base + std::string(path) + id;
    for (const auto& member : of.fields) made.insert_or_assign(member.key(), member.value());
    return made;
}

http_response unknown(const std::string& id) {
    return not_found("devicecontrol", "Finding operation from database failed : No operation for gid '" + id + "'!");
}

bool status_known(std::string_view word) {
    return word == "PENDING" || word == "EXECUTING" || word == "SUCCESSFUL" || word == "FAILED";
}

http_response create(call& c) {
    http_response no;
    auto body = read_body(c, "devicecontrol", no);
    if (!body) return no;
    const auto how = read_processing(c.http, false);
    if (!how) return refuse(model::invalid("Processing mode not valid for operations"));
    record made;
    if (text_member(*body, "deviceId").empty()) return refuse(model::missing("deviceId"));
    made.source = model::parse_id(text_member(*body, "deviceId"));
    if (c.of.objects.find(made.source) == nullptr) return refuse(model::invalid("The device does not exist"));
    if (!c.may_touch(made.source)) return forbidden();
    if (const auto status = text_member(*body, "status"); !status.empty() && status != "PENDING")
        return refuse(model::invalid("A new operation is PENDING"));
    for (const auto key :
         {"id", "self", "deviceId", "creationTime", "failureReason", "deviceExternalIDs", "deviceName"})
        body->erase(key);
    made.id = c.of.next_id();
    made.time_ms = made.created_ms = made.updated_ms = c.now_ms();
    made.fields["status"] = "PENDING";
    (void)model::merge_fields(made.fields, *body);
    const json::object answer = document(c, made);
    const bool stored = notify(c, "operations", "CREATE", made.source, answer);
    const auto id = made.id;
    if (how->store) (void)c.of.operations.add(std::move(made));
    return stored ? created(c, "operation", c.base + std::string(path) + std::to_string(id), answer) : backlog_full();
}

http_response get(call& c) {
    const auto* found = c.of.operations.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    return ok(c, "operation", model::json_text(document(c, *found)));
}

/// What is done stays done; everything else may move, also back to PENDING.
bool transition_allowed(std::string_view from, std::string_view to) {
    const bool done = from == "SUCCESSFUL" || from == "FAILED";
    return !done || from == to || to == "SUCCESSFUL" || to == "FAILED";
}

std::optional<refusal> check_update(const record& of, const json::object& body) {
    for (const auto fixed : {"id", "self", "deviceId", "creationTime", "deviceName", "bulkOperationId"})
        if (body.contains(fixed)) return model::invalid(std::string(fixed) + " cannot be changed");
    const auto before = text_member(of.fields, "status");
    if (body.contains("status")) {
        const auto after = text_member(body, "status");
        if (!status_known(after)) return model::invalid("status '" + std::string(after) + "' is not valid");
        if (!transition_allowed(before, after))
            return model::invalid("An operation cannot go from " + std::string(before) + " to " + std::string(after));
    }
    const auto after = body.contains("status") ? text_member(body, "status") : before;
    if (body.contains("failureReason") && after != "FAILED") return model::invalid("failureReason belongs to FAILED");
    return std::nullopt;
}

http_response update(call& c) {
    auto* found = c.of.operations.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    http_response no;
    const auto body = read_body(c, "devicecontrol", no);
    if (!body) return no;
    if (const auto wrong = check_update(*found, *body)) return refuse(*wrong);
    bool changed = model::merge_fields(found->fields, *body);
    if (text_member(found->fields, "status") != "FAILED") changed = found->fields.erase("failureReason") > 0 || changed;
    const json::object answer = document(c, *found);
    if (changed) {
        found->updated_ms = c.now_ms();
        if (!notify(c, "operations", "UPDATE", found->source, answer)) return backlog_full();
    }
    return updated(c, "operation", answer);
}

bool passes(const call& c, const record& of, const time_range& range) {
    const auto& http = c.http;
    if (!range.holds(of.created_ms) || !c.may_touch(of.source)) return false;
    if (http.has_parameter("deviceId") && of.source != model::parse_id(http.parameter("deviceId"))) return false;
    if (http.has_parameter("agentId")) {
        const auto agent = model::parse_id(http.parameter("agentId"));
        const auto above = c.of.objects.ancestors(of.source);
        if (agent != of.source && std::find(above.begin(), above.end(), agent) == above.end()) return false;
    }
    if (http.has_parameter("status") && text_member(of.fields, "status") != http.parameter("status")) return false;
    if (http.has_parameter("bulkOperationId") &&
        text_member(of.fields, "bulkOperationId") != http.parameter("bulkOperationId"))
        return false;
    return !http.has_parameter("fragmentType") || of.fields.contains(text(http.parameter("fragmentType")));
}

std::optional<refusal> read_filter(const http_request& http, time_range& range) {
    if (http.has_parameter("status") && !status_known(http.parameter("status")))
        return model::invalid("status '" + std::string(http.parameter("status")) + "' is not valid");
    return read_range(http, "date", range);
}

/// With the members that only collections have.
json::object list_item(const call& c, const record& of) {
    json::object made = document(c, of);
    const auto* device = c.of.objects.find(of.source);
    if (device != nullptr && !device->name().empty()) made["deviceName"] = text(device->name());
    if (!c.http.has_parameter("agentId")) return made;
    json::array names;
    for (const auto& name : c.of.objects.names_of(of.source)) {
        json::object item;
        item["type"] = name.type;
        item["externalId"] = name.value;
        names.push_back(std::move(item));
    }
    json::object wrapped;
    wrapped["externalIds"] = std::move(names);
    made["deviceExternalIDs"] = std::move(wrapped);
    return made;
}

http_response list(call& c) {
    time_range range;
    if (const auto no = read_filter(c.http, range)) return refuse(*no);
    std::vector<const record*> found;
    for (const auto& [id, of] : c.of.operations.all())
        if (passes(c, of, range)) found.push_back(&of);
    if (flag_parameter(c.http, "revert")) std::reverse(found.begin(), found.end());
    return paged(c, "operationCollection", "operations", found,
                 [&](std::string& out, const record* of) { model::append_json(out, list_item(c, *of)); });
}

http_response remove_many(call& c) {
    time_range range;
    if (const auto no = read_filter(c.http, range)) return refuse(*no);
    (void)c.of.operations.erase_if([&](const record& of) { return passes(c, of, range); });
    return no_content();
}

} // namespace

std::span<const route> operation_routes() {
    static const std::vector<route> all{
        {"POST", "/devicecontrol/operations", create, {"ROLE_DEVICE_CONTROL_ADMIN"}, true},
        {"GET", "/devicecontrol/operations", list, {"ROLE_DEVICE_CONTROL_READ"}, true},
        {"DELETE", "/devicecontrol/operations", remove_many, {"ROLE_DEVICE_CONTROL_ADMIN"}},
        {"GET", "/devicecontrol/operations/{id}", get, {"ROLE_DEVICE_CONTROL_READ"}, true},
        {"PUT", "/devicecontrol/operations/{id}", update, {"ROLE_DEVICE_CONTROL_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
