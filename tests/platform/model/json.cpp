#include "tests/platform/model/json.hpp"

#include "common/core/json_writer.hpp"

#include <charconv>

namespace platform_sim::model {

std::optional<json::object> parse_object(std::string_view text) {
    boost::system::error_code failed;
    json::value value = json::parse(json::string_view(text.data(), text.size()), failed);
    if (failed || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

void append_json(std::string& out, const json::value& value) {
    switch (value.kind()) {
    case json::kind::null: out.append("null"); break;
    case json::kind::bool_: out.append(value.get_bool() ? "true" : "false"); break;
    case json::kind::int64: out.append(std::to_string(value.get_int64())); break;
    case json::kind::uint64: out.append(std::to_string(value.get_uint64())); break;
    case json::kind::double_: core::append_json_number(out, value.get_double()); break;
    case json::kind::string:
        core::append_json_string(out, {value.get_string().data(), value.get_string().size()});
        break;
    case json::kind::object: append_json(out, value.get_object()); break;
    case json::kind::array: {
        out.push_back('[');
        bool first = true;
        for (const json::value& item : value.get_array()) {
            if (!first) out.push_back(',');
            first = false;
            append_json(out, item);
        }
        out.push_back(']');
    }
    }
}

void append_json(std::string& out, const json::object& object) {
    out.push_back('{');
    append_members(out, object);
    out.push_back('}');
}

void append_members(std::string& out, const json::object& object) {
    bool first = true;
    for (const auto& member : object) {
        if (!first) out.push_back(',');
        first = false;
        core::append_json_string(out, {member.key().data(), member.key().size()});
        out.push_back(':');
        append_json(out, member.value());
    }
}

std::string json_text(const json::object& object) {
    std::string out;
    append_json(out, object);
    return out;
}

std::string_view text_member(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

std::uint64_t reference_member(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
    if (found == nullptr || !found->is_object()) return 0;
    return parse_id(text_member(found->get_object(), "id"));
}

std::uint64_t parse_id(std::string_view text) noexcept {
    std::uint64_t id = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), id);
    return done.ec == std::errc{} && done.ptr == text.data() + text.size() ? id : 0;
}

const json::value* find_path(const json::object& object, std::string_view path) {
    const json::object* at = &object;
    for (;;) {
        const auto dot = path.find('.');
        const auto step = path.substr(0, dot);
        const json::value* found = at->if_contains(json::string_view(step.data(), step.size()));
        if (found == nullptr || dot == std::string_view::npos) return found;
        if (!found->is_object()) return nullptr;
        at = &found->get_object();
        path.remove_prefix(dot + 1);
    }
}

} // namespace platform_sim::model
