#include "mapper/mapping/target_reader.hpp"

#include <algorithm>

namespace mapper::mapping {

namespace {

using core::config_node;

const std::vector<std::string> target_names{"measurement", "event", "alarm", "inventory"};
const std::vector<std::string> severities{"CRITICAL", "MAJOR", "MINOR", "WARNING"};

condition read_condition(config_node parent, const char* key, template_reader& reader, const expression::scope& names) {
    auto node = parent.child(key);
    return {reader.read_condition(node, names), template_reader::place_of(node)};
}

template_node read_required(config_node parent, const char* key, template_reader& reader,
                            const expression::scope& names) {
    auto node = parent.required(key);
    auto made = reader.read(node, names);
    if (!node.exists()) return made;
    if (made.what == template_node::form::object || made.what == template_node::form::list)
        node.complain("one value is needed here, not a list or a map");
    else if (made.what == template_node::form::literal && (made.literal_text.empty() || made.literal == "null"))
        node.complain("must not be empty");
    return made;
}

/// Ref D.4: names of fragments and series.
void check_name(const config_node& node, const std::string& name, const char* what) {
    const auto bad = name.find_first_of(" \t\n\r.,*[]()@$");
    if (name.empty())
        node.complain(std::string("a ") + what + " needs a name");
    else if (bad != std::string::npos)
        node.complain(std::string("the name of a ") + what + " must not contain `" + name[bad] +
                      "` (the platform allows no blanks and none of . , * [ ] ( ) @ $)");
}

series_rule read_series(const std::string& name, config_node node, template_reader& reader,
                        const expression::scope& names) {
    series_rule made;
    made.name = name;
    check_name(node, name, "series");
    if (!node.is_map()) {
        node.complain("write the value with its unit: { value: \"=…\", unit: C }");
        return made;
    }
    made.value = read_required(node, "value", reader, names);
    if (made.value.what == template_node::form::literal && made.value.literal.starts_with('"'))
        node.child("value").complain("a number is needed here, not the text " + made.value.literal +
                                     "; an expression begins with =");
    made.unit = reader.read(node.child("unit"), names);
    node.finish();
    return made;
}

void refuse_reserved(const config_node& node, const std::string& name, const std::vector<std::string>& reserved) {
    if (std::find(reserved.begin(), reserved.end(), name) == reserved.end()) return;
    if (name == "source")
        node.complain("the source is the device under `device:`; leave it out here");
    else
        node.complain("`" + name + "` is set by the platform and cannot be written");
}

void read_measurements(config_node body, target& into, template_reader& reader, const expression::scope& names) {
    static const std::vector<std::string> known{"type", "time", "when"};
    for (auto& [name, node] : body.members()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        refuse_reserved(node, name, {"source", "id", "self"});
        check_name(node, name, "fragment");
        fragment_rule fragment{name, {}};
        if (!node.is_map()) {
            if (const auto near = core::nearest(name, known); !near.empty())
                node.complain("unknown key; did you mean `" + std::string(near) + "`?");
            else
                node.complain("a fragment holds series: { temperature: { value: \"=…\", unit: C } }");
            continue;
        }
        for (const auto& [series, value] : node.members())
            fragment.series.push_back(read_series(series, value, reader, names));
        if (fragment.series.empty()) node.complain("a fragment needs at least one series");
        into.measurements.push_back(std::move(fragment));
    }
    if (into.measurements.empty())
        body.complain("a measurement needs a fragment with a series: env: { temperature: { value: \"=…\", unit: C } }");
}

/// Everything but the known keys is a custom fragment; a key that nearly is a known one is a slip.
void read_fragments(config_node body, target& into, const std::vector<std::string>& known,
                    const std::vector<std::string>& reserved, template_reader& reader, const expression::scope& names) {
    into.fragments.what = template_node::form::object;
    into.fragments.place = template_reader::place_of(body);
    for (const auto& [name, node] : body.members()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        refuse_reserved(node, name, reserved);
        if (const auto near = core::nearest(name, known); !near.empty() && name.find('_') == std::string::npos)
            node.complain("unknown key; did you mean `" + std::string(near) + "`?");
        into.fragments.members.emplace_back(name, reader.read(node, names));
    }
}

void read_alarm(config_node body, target& into, template_reader& reader, const expression::scope& names) {
    into.clear_when = read_condition(body, "clearWhen", reader, names);
    into.type = read_required(body, "type", reader, names);
    into.text = read_required(body, "text", reader, names);
    into.severity = read_required(body, "severity", reader, names);
    into.time = reader.read(body.child("time"), names);
    if (into.severity.what == template_node::form::literal && into.severity.exists() &&
        std::find(severities.begin(), severities.end(), into.severity.literal_text) == severities.end()) {
        std::string message = "must be CRITICAL, MAJOR, MINOR or WARNING, not `" + into.severity.literal_text + "`";
        if (const auto near = core::nearest(into.severity.literal_text, severities); !near.empty())
            message += "; did you mean " + std::string(near) + "?";
        body.child("severity").complain(std::move(message));
    }
    read_fragments(body, into, {"when", "clearWhen", "type", "text", "severity", "time"},
                   {"source", "id", "self", "count", "creationTime", "lastUpdated", "history", "firstOccurrenceTime"},
                   reader, names);
}

void read_event(config_node body, target& into, template_reader& reader, const expression::scope& names) {
    into.type = read_required(body, "type", reader, names);
    into.text = read_required(body, "text", reader, names);
    into.time = reader.read(body.child("time"), names);
    read_fragments(body, into, {"when", "type", "text", "time"},
                   {"source", "id", "self", "creationTime", "lastUpdated"}, reader, names);
}

void read_inventory(config_node body, target& into, template_reader& reader, const expression::scope& names) {
    read_fragments(body, into, {"when"},
                   {"source", "id", "self", "owner", "creationTime", "lastUpdated", "childDevices", "childAssets",
                    "childAdditions", "deviceParents", "assetParents", "additionParents"},
                   reader, names);
    if (into.fragments.members.empty()) body.complain("an inventory update needs at least one member to write");
}

} // namespace

target read_target(config_node entry, template_reader& reader, const expression::scope& names) {
    target made;
    made.place = template_reader::place_of(entry);
    if (!entry.is_map()) {
        entry.complain("expected one of `measurement:`, `event:`, `alarm:`, `inventory:` here");
        return made;
    }
    int found = 0;
    for (std::size_t i = 0; i < target_names.size(); ++i) {
        auto body = entry.child(target_names[i]);
        if (!body.exists()) continue;
        if (++found > 1) {
            body.complain("one list entry makes one thing; begin a new entry with `- `");
            continue;
        }
        made.kind = static_cast<target_kind>(i);
        made.place = template_reader::place_of(body);
        if (!body.is_map()) {
            body.complain("expected `key: value` lines here");
            continue;
        }
        made.when = read_condition(body, "when", reader, names);
        if (made.kind == target_kind::measurement) {
            made.type = read_required(body, "type", reader, names);
            made.time = reader.read(body.child("time"), names);
            read_measurements(body, made, reader, names);
        } else if (made.kind == target_kind::event)
            read_event(body, made, reader, names);
        else if (made.kind == target_kind::alarm)
            read_alarm(body, made, reader, names);
        else
            read_inventory(body, made, reader, names);
    }
    entry.finish();
    if (found == 0 && entry.members().empty())
        entry.complain("expected one of `measurement:`, `event:`, `alarm:`, `inventory:` here");
    return made;
}

} // namespace mapper::mapping
