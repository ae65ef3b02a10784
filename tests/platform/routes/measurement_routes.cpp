// Measurements (ref D.4). The only bulk path: nothing here may cost a JSON tree per measurement unless somebody asks.
#include "common/core/json_writer.hpp"
#include "tests/platform/model/text.hpp"
#include "tests/platform/routes/call.hpp"

#include <algorithm>

namespace platform_sim::routes {

namespace {

using model::measurement;

std::string self_of(const call& c, std::uint64_t id) {
    return c.base + "/measurement/measurements/" + std::to_string(id);
}

void append_document(std::string& out, const call& c, const measurement& one) {
    out.append("{\"id\":\"").append(std::to_string(one.id)).append("\",\"self\":");
    core::append_json_string(out, self_of(c, one.id));
    out.append(",\"source\":");
    model::append_json(out, reference(c, one.source, false));
    out.push_back(',');
    out.append(one.rest).push_back('}');
}

std::optional<http_response> check_sources(const call& c, const std::vector<measurement>& all) {
    std::uint64_t known = 0;
    for (const auto& one : all) {
        if (one.source == known) continue;
        const auto* object = c.of.objects.find(one.source);
        if (object == nullptr)
            return refuse(model::invalid("No managed object for source " + std::to_string(one.source)));
        if (!c.may_touch(object)) return forbidden();
        known = one.source;
    }
    return std::nullopt;
}

bool notify_all(call& c, const std::vector<measurement>& all) {
    if (!c.of.notifications.wants("measurements")) return true;
    bool stored = true;
    for (const auto& one : all) {
        std::string document;
        append_document(document, c, one);
        if (const auto body = model::parse_object(document))
            stored = notify(c, "measurements", "CREATE", one.source, *body) && stored;
    }
    return stored;
}

/// One or many as posted, when the client asked for it.
http_response answer(const call& c, const std::vector<measurement>& all, bool collection) {
    http_response made(201);
    made.headers.set("Location", collection ? c.base + "/measurement/measurements" : self_of(c, all.front().id));
    if (!c.http.headers.has("Accept")) return made;
    std::string body = collection ? "{\"measurements\":[" : "";
    for (const auto& one : all) {
        if (&one != &all.front()) body.push_back(',');
        append_document(body, c, one);
    }
    if (collection) body.append("]}");
    auto full = ok(c, collection ? "measurementCollection" : "measurement", std::move(body));
    made.content_type = std::move(full.content_type);
    made.body = std::move(full.body);
    return made;
}

http_response create(call& c) {
    const bool collection =
        model::upper(c.http.headers.get("Content-Type")).find("MEASUREMENTCOLLECTION") != std::string::npos;
    const auto how = read_processing(c.http, true);
    if (!how) return refuse(model::invalid("Unknown processing mode"));
    std::vector<measurement> all;
    if (const auto no = c.all.reader.read(c.http.body, collection, all)) return refuse(*no);
    if (auto no = check_sources(c, all)) return std::move(*no);
    for (auto& one : all) one.id = c.of.next_id();
    const bool stored = !how->notify || notify_all(c, all);
    auto made = answer(c, all, collection);
    if (how->store)
        for (auto& one : all) (void)c.of.measurements.add(std::move(one));
    return stored ? std::move(made) : backlog_full();
}

struct filter {
    std::uint64_t source = 0;
    bool by_source = false;
    std::string type;
    std::string fragment;
    std::string series;
    time_range time;

    bool holds(const call& c, const measurement& one) const {
        if (by_source && one.source != source) return false;
        if (!type.empty() && one.type != type) return false;
        if (!time.holds(one.time_ms) || !c.may_touch(one.source)) return false;
        if (fragment.empty() && series.empty()) return true;
        const auto fields = model::parse_object("{" + one.rest + "}");
        if (!fields) return false;
        for (const auto& member : *fields) {
            if (!member.value().is_object()) continue;
            if (!fragment.empty() && std::string_view(member.key()) != fragment) continue;
            if (series.empty() || member.value().get_object().contains(series)) return true;
        }
        return false;
    }
};

std::optional<refusal> read_filter(const call& c, filter& into) {
    into.by_source = c.http.has_parameter("source");
    into.source = model::parse_id(c.http.parameter("source"));
    into.type = c.http.parameter("type");
    into.fragment = c.http.parameter("valueFragmentType");
    into.series = c.http.parameter("valueFragmentSeries");
    return read_range(c.http, "date", into.time);
}

http_response list(call& c) {
    filter wanted;
    if (const auto no = read_filter(c, wanted)) return refuse(*no);
    std::vector<const measurement*> found;
    for (const auto& one : c.of.measurements.kept())
        if (wanted.holds(c, one)) found.push_back(&one);
    const bool newest_first = flag_parameter(c.http, "revert");
    std::sort(found.begin(), found.end(), [&](const measurement* a, const measurement* b) {
        return newest_first ? std::pair(b->time_ms, b->id) < std::pair(a->time_ms, a->id)
                            : std::pair(a->time_ms, a->id) < std::pair(b->time_ms, b->id);
    });
    return paged(c, "measurementCollection", "measurements", found,
                 [&](std::string& out, const measurement* one) { append_document(out, c, *one); });
}

http_response unknown(const std::string& id) {
    return not_found("measurement", "Finding measurement from database failed : No measurement for id '" + id + "'!");
}

http_response get(call& c) {
    const auto* found = c.of.measurements.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    std::string body;
    append_document(body, c, *found);
    return ok(c, "measurement", std::move(body));
}

http_response remove(call& c) {
    const auto id = model::parse_id(c.captured[0]);
    const auto* found = c.of.measurements.find(id);
    if (found == nullptr) return unknown(c.captured[0]);
    if (!c.may_touch(found->source)) return forbidden();
    (void)c.of.measurements.erase_if([&](const measurement& one) { return one.id == id; });
    return no_content();
}

http_response remove_many(call& c) {
    filter wanted;
    if (const auto no = read_filter(c, wanted)) return refuse(*no);
    (void)c.of.measurements.erase_if([&](const measurement& one) { return wanted.holds(c, one); });
    return no_content();
}

} // namespace

std::span<const route> measurement_routes() {
    static const std::vector<route> all{
        {"POST", "/measurement/measurements", create, {"ROLE_MEASUREMENT_ADMIN"}, true},
        {"GET", "/measurement/measurements", list, {"ROLE_MEASUREMENT_READ"}, true},
        {"DELETE", "/measurement/measurements", remove_many, {"ROLE_MEASUREMENT_ADMIN"}},
        {"GET", "/measurement/measurements/{id}", get, {"ROLE_MEASUREMENT_READ"}, true},
        {"DELETE", "/measurement/measurements/{id}", remove, {"ROLE_MEASUREMENT_ADMIN"}, true},
    };
    return all;
}

} // namespace platform_sim::routes
