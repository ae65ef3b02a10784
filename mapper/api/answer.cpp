#include "mapper/api/answer.hpp"

#include "common/core/json_writer.hpp"

#include <simdjson.h>

namespace mapper::api {

std::string text_at(std::string_view json, std::string_view pointer) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::element found;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return {};
    if (root.at_pointer(pointer).get(found) != simdjson::SUCCESS) return {};
    std::string_view text;
    if (found.get(text) == simdjson::SUCCESS) return std::string(text);
    return found.is_object() || found.is_array() || found.is_null() ? std::string{} : simdjson::minify(found);
}

std::vector<std::string> items_of(std::string_view json, std::string_view name) {
    std::vector<std::string> made;
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::array items;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return made;
    if (root[name].get(items) != simdjson::SUCCESS) return made;
    for (const auto item : items) made.push_back(simdjson::minify(item));
    return made;
}

void append_with_source(std::string& out, std::string_view body, std::string_view source_id) {
    out.append("{\"source\":{\"id\":");
    core::append_json_string(out, source_id);
    out.push_back('}');
    if (body.size() > 2)
        out.append(",").append(body.substr(1));
    else
        out.push_back('}');
}

} // namespace mapper::api
