// What events and alarms have in common: a source, a type, a text and a time (ref D.5, D.6).
#pragma once

#include "common/core/clock.hpp"
#include "tests/platform/model/text.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

/// Checks the required members and takes them over: `fields` keeps everything but id, self and source.
inline std::optional<refusal> read_record(const call& c, json::object body, std::initializer_list<const char*> required,
                                          model::record& into) {
    if (!body.contains("source")) return model::missing("source");
    into.source = model::reference_member(body, "source");
    if (c.of.objects.find(into.source) == nullptr) return model::invalid("The source object does not exist");
    for (const auto key : required)
        if (model::text_member(body, key).empty()) return model::missing(key);
    const auto time = model::parse_time(model::text_member(body, "time"));
    if (!time) return model::invalid("time is no time");
    into.time_ms = *time;
    into.created_ms = into.updated_ms = c.now_ms();
    for (const auto key : {"id", "self", "source", "creationTime", "lastUpdated"}) body.erase(key);
    into.fields.clear();
    (void)model::merge_fields(into.fields, body);
    return std::nullopt;
}

inline json::object record_document(const call& c, const model::record& of, std::string_view path) {
    json::object made;
    const std::string id = std::to_string(of.id);
    made["id"] = id;
    made["self"] = c.base + std::string(path) + id;
    made["source"] = reference(c, of.source, true);
    made["creationTime"] = core::iso_time(of.created_ms);
    made["lastUpdated"] = core::iso_time(of.updated_ms);
    for (const auto& member : of.fields) made.insert_or_assign(member.key(), member.value());
    return made;
}

struct record_ranges {
    time_range time;
    time_range created;
    time_range updated;
    bool holds(const model::record& of) const {
        return time.holds(of.time_ms) && created.holds(of.created_ms) && updated.holds(of.updated_ms);
    }
};

inline std::optional<refusal> read_ranges(const http_request& http, record_ranges& into) {
    if (auto no = read_range(http, "date", into.time)) return no;
    if (auto no = read_range(http, "created", into.created)) return no;
    return read_range(http, "lastUpdated", into.updated);
}

} // namespace platform_sim::routes
