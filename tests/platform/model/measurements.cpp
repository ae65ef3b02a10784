#include "tests/platform/model/measurements.hpp"

#include "tests/platform/model/json.hpp"
#include "tests/platform/model/text.hpp"

#include <simdjson.h>

#include <algorithm>

namespace platform_sim::model {

struct measurement_reader::state {
    simdjson::dom::parser parser;
};

namespace {

namespace dom = simdjson::dom;

bool name_allowed(std::string_view name) {
    return !name.empty() && name.find_first_of(" \t\r\n.,*[]()@$") == std::string_view::npos;
}

refusal wrong_name(std::string_view name) {
    return invalid("Name '" + std::string(name) + "' must not be empty or contain white space or . , * [ ] ( ) @ $");
}

std::optional<refusal> check_series(dom::element series, std::string_view name) {
    if (!name_allowed(name)) return wrong_name(name);
    dom::object members;
    if (series.get_object().get(members)) return invalid("Series '" + std::string(name) + "' is no object");
    dom::element value;
    if (members.at_key("value").get(value)) return missing(std::string(name) + ".value");
    if (!value.is_number()) return invalid("The value of series '" + std::string(name) + "' is no number");
    dom::element unit;
    if (!members.at_key("unit").get(unit) && !unit.is_string())
        return invalid("The unit of series '" + std::string(name) + "' is no text");
    return std::nullopt;
}

std::optional<refusal> check_fragment(dom::element fragment, std::string_view name) {
    if (!name_allowed(name)) return wrong_name(name);
    dom::object all;
    if (fragment.get_object().get(all)) return invalid("Fragment '" + std::string(name) + "' is no object");
    for (const auto series : all)
        if (auto no = check_series(series.value, series.key)) return no;
    return std::nullopt;
}

std::optional<refusal> read_source(dom::element value, measurement& into) {
    std::string_view id;
    if (value["id"].get(id)) return missing("source.id");
    into.source = parse_id(id);
    if (into.source == 0) return invalid("'" + std::string(id) + "' is no ID");
    return std::nullopt;
}

std::optional<refusal> read_time(dom::element value, measurement& into) {
    std::string_view text;
    if (value.get(text)) return invalid("time is no text");
    const auto time = parse_time(text);
    if (!time) return invalid("'" + std::string(text) + "' is no time");
    into.time_ms = *time;
    return std::nullopt;
}

std::optional<refusal> read_member(std::string_view key, dom::element value, measurement& into) {
    if (key == "source") return read_source(value, into);
    if (key == "id" || key == "self") return std::nullopt;
    std::optional<refusal> no;
    if (key == "time") {
        no = read_time(value, into);
    } else if (key == "type") {
        std::string_view type;
        if (value.get(type) || type.empty()) return invalid("type is no text or empty");
        into.type = type;
    } else {
        no = check_fragment(value, key);
    }
    if (no) return no;
    if (!into.rest.empty()) into.rest.push_back(',');
    into.rest.push_back('"');
    into.rest.append(key); // a fragment name that needed escapes is refused below
    into.rest.append("\":");
    into.rest.append(simdjson::minify(value));
    return std::nullopt;
}

bool needs_escape(std::string_view key) {
    return std::any_of(key.begin(), key.end(),
                       [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
}

std::optional<refusal> read_one(dom::element from, measurement& into) {
    dom::object members;
    if (from.get_object().get(members)) return invalid("A measurement must be an object");
    bool has_time = false;
    for (const auto member : members) {
        if (needs_escape(member.key)) return wrong_name(member.key);
        if (auto no = read_member(member.key, member.value, into)) return no;
        has_time = has_time || member.key == "time";
    }
    if (into.source == 0) return missing("source");
    if (into.type.empty()) return missing("type");
    if (!has_time) return missing("time");
    return std::nullopt;
}

} // namespace

measurement_reader::measurement_reader() : state_(std::make_unique<state>()) {}
measurement_reader::~measurement_reader() = default;

std::optional<refusal> measurement_reader::read(std::string_view body, bool collection,
                                                std::vector<measurement>& into) {
    dom::element root;
    if (state_->parser.parse(body.data(), body.size()).get(root))
        return refusal{400, "measurement/Bad Request", "The body is not valid JSON"};
    if (!collection) return read_one(root, into.emplace_back());
    dom::array all;
    if (root["measurements"].get_array().get(all)) return missing("measurements");
    for (const auto one : all)
        if (auto no = read_one(one, into.emplace_back())) return no;
    return std::nullopt;
}

const measurement& measurement_store::add(measurement added) {
    ++added_count_;
    if (fingerprints_) {
        const auto hash =
            std::hash<std::string_view>{}(added.rest) * 1099511628211ULL ^ added.source * 0x9E3779B97F4A7C15ULL;
        if (!seen_.insert(hash).second) ++duplicate_count_;
    }
    if (kept_.size() >= kept_max_) kept_.pop_front();
    return kept_.emplace_back(std::move(added));
}

const measurement* measurement_store::find(std::uint64_t id) const {
    const auto at = std::lower_bound(kept_.begin(), kept_.end(), id,
                                     [](const measurement& m, std::uint64_t wanted) { return m.id < wanted; });
    return at != kept_.end() && at->id == id ? &*at : nullptr;
}

} // namespace platform_sim::model
