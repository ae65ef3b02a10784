#include "mapper/mapping/test_reader.hpp"

#include "common/core/json_writer.hpp"
#include "mapper/mapping/template_reader.hpp"

#include <cstdlib>

namespace mapper::mapping {

namespace {

using core::config_node;

void append_yaml(config_node node, std::string& out) {
    bool first = true;
    const auto comma = [&] {
        if (!first) out.push_back(',');
        first = false;
    };
    if (node.is_map()) {
        out.push_back('{');
        for (const auto& [name, of] : node.members()) {
            comma();
            core::append_json_string(out, name);
            out.push_back(':');
            append_yaml(of, out);
        }
        out.push_back('}');
    } else if (node.is_sequence()) {
        out.push_back('[');
        for (const auto& item : node.items()) {
            comma();
            append_yaml(item, out);
        }
        out.push_back(']');
    } else if (node.is_null() || !node.exists()) {
        out.append("null");
    } else {
        const auto text = node.text();
        char* end = nullptr;
        const double number = std::strtod(text.c_str(), &end);
        const bool numeric =
            !text.empty() && *end == '\0' && text.find_first_not_of("0123456789+-.eE") == std::string::npos;
        if (!node.is_quoted() && (text == "true" || text == "false"))
            out.append(text);
        else if (!node.is_quoted() && numeric)
            core::append_json_number(out, number);
        else
            core::append_json_string(out, text);
    }
}

/// `json: …` becomes JSON text, `text: …` stays as it is.
void read_payload(config_node in, test_case& into) {
    auto json = in.child("json");
    auto text = in.child("text");
    if (json.exists() == text.exists()) in.complain("give the payload once: `json: …` or `text: …`");
    if (json.exists())
        into.payload = yaml_to_json(json);
    else
        into.payload = text.text();
}

} // namespace

std::string yaml_to_json(config_node node) {
    std::string out;
    append_yaml(node, out);
    return out;
}

test_case read_test(config_node entry, bool outbound) {
    test_case made;
    made.place = template_reader::place_of(entry);
    if (!entry.required("name").exists() || !entry.read("name", made.name)) made.name = "unnamed";
    auto in = entry.required("in");
    if (in.exists() && !outbound) {
        in.required("topic");
        in.read("topic", made.topic);
        read_payload(in, made);
        in.read("clientId", made.client_id);
        in.read("user", made.user);
    } else if (in.exists()) {
        auto operation = in.required("operation");
        made.operation = yaml_to_json(operation);
        made.device = yaml_to_json(in.child("device"));
        if (auto response = in.child("response"); response.exists()) {
            made.is_response = true;
            response.required("topic");
            response.read("topic", made.topic);
            read_payload(response, made);
            response.finish();
        }
    }
    in.finish();
    auto out = entry.child("out");
    if (out.exists() && !out.is_sequence()) out.complain("expected a list of what must come out, or [] for nothing");
    made.expected = out.exists() ? yaml_to_json(out) : "";
    entry.read("error", made.expected_error);
    if (out.exists() == !made.expected_error.empty())
        entry.complain("say what must come out: `out: […]`, or `error: \"…\"`");
    entry.finish();
    return made;
}

} // namespace mapper::mapping
