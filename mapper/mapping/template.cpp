#include "mapper/mapping/template.hpp"

#include "common/core/json_writer.hpp"

namespace mapper::mapping {

using expression::kind;
using expression::value;

namespace {

bool append_pieces(const template_node& from, fill& with, std::string& out) {
    for (const auto& one : from.pieces) {
        out.append(one.literal);
        if (one.program == nullptr) continue;
        value result;
        if (!with.evaluate(*one.program, one.place, result)) return false;
        if (result.exists() && !expression::append_text(with.in, out, result))
            return with.fail(one.place, with.in.why().message);
    }
    return true;
}

bool append_members(const template_node& from, fill& with, std::string& out) {
    out.push_back('{');
    bool first = true;
    for (const auto& [name, of] : from.members) {
        const auto before = out.size();
        if (!first) out.push_back(',');
        core::append_json_string(out, name);
        out.push_back(':');
        bool made = false;
        if (!append_json(of, with, out, made)) return false;
        if (made)
            first = false;
        else
            out.resize(before);
    }
    out.push_back('}');
    return true;
}

bool append_items(const template_node& from, fill& with, std::string& out) {
    out.push_back('[');
    bool first = true;
    for (const auto& of : from.items) {
        const auto before = out.size();
        if (!first) out.push_back(',');
        bool made = false;
        if (!append_json(of, with, out, made)) return false;
        if (made)
            first = false;
        else
            out.resize(before);
    }
    out.push_back(']');
    return true;
}

} // namespace

const template_node* template_node::find(std::string_view name) const noexcept {
    for (const auto& [key, of] : members)
        if (key == name) return &of;
    return nullptr;
}

bool fill::fail(const source_place& at, std::string why) {
    failed_at = &at;
    message = std::move(why);
    return false;
}

bool fill::evaluate(const expression::program& program, const source_place& at, value& into) {
    if (in.run(program, slots, value{}, into)) return true;
    return fail(at, in.why().message);
}

bool append_json(const template_node& from, fill& with, std::string& out, bool& made) {
    made = true;
    switch (from.what) {
    case template_node::form::literal: out.append(from.literal); return true;
    case template_node::form::object: return append_members(from, with, out);
    case template_node::form::list: return append_items(from, with, out);
    case template_node::form::text: {
        std::string text;
        if (!append_pieces(from, with, text)) return false;
        core::append_json_string(out, text);
        return true;
    }
    case template_node::form::expression: break;
    }
    value result;
    if (!with.evaluate(*from.program, from.place, result)) return false;
    made = result.exists();
    if (made) expression::append_json(out, result);
    return true;
}

bool append_text(const template_node& from, fill& with, std::string& out, bool& made) {
    made = true;
    if (from.what == template_node::form::literal) {
        made = from.literal != "null" && from.exists();
        out.append(from.literal_text);
        return true;
    }
    if (from.what == template_node::form::text) return append_pieces(from, with, out);
    value result;
    if (!to_value(from, with, result)) return false;
    made = result.exists() && !result.is(kind::null);
    if (!made) return true;
    if (result.is(kind::object) || result.is(kind::array))
        return with.fail(from.place, "text is needed here, not " + std::string(expression::kind_name(result.type())));
    return expression::append_text(with.in, out, result);
}

bool to_value(const template_node& from, fill& with, value& into) {
    switch (from.what) {
    case template_node::form::expression: return with.evaluate(*from.program, from.place, into);
    case template_node::form::text: {
        std::string text;
        if (!append_pieces(from, with, text)) return false;
        into = with.in.text(text);
        return true;
    }
    case template_node::form::literal:
        if (from.literal.starts_with('"'))
            into = value::text(from.literal_text);
        else if (from.literal == "true" || from.literal == "false")
            into = value::boolean(from.literal == "true");
        else if (from.literal == "null")
            into = value::null();
        else
            into = value::number(std::stod(from.literal_text));
        return true;
    case template_node::form::object:
    case template_node::form::list: break;
    }
    return with.fail(from.place, "one value is needed here, not a list or a map");
}

} // namespace mapper::mapping
