#include "mapper/payload/json.hpp"

#include <algorithm>
#include <cstring>

namespace mapper::payload {

namespace {

/// A short look for what people get wrong most, so that the message can name the place. Empty when nothing is found.
std::string guess_place(std::string_view text) {
    std::string open;
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inside) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                inside = false;
            else if (static_cast<unsigned char>(c) < 0x20)
                return "a line break or control character inside a text at byte " + std::to_string(i);
            continue;
        }
        if (c == '"')
            inside = true;
        else if (c == '{')
            open.push_back('}');
        else if (c == '[')
            open.push_back(']');
        else if (c == '}' || c == ']') {
            if (open.empty() || open.back() != c)
                return std::string("`") + c + "` at byte " + std::to_string(i) + " closes nothing";
            open.pop_back();
            std::size_t before = i;
            while (before > 0 && std::strchr(" \t\r\n", text[before - 1]) != nullptr) --before;
            if (before > 0 && text[before - 1] == ',')
                return "a comma before `" + std::string(1, c) + "` at byte " + std::to_string(before - 1);
        } else if (c == '\'')
            return "a single quote at byte " + std::to_string(i) + "; JSON uses double quotes";
    }
    if (inside) return "a text is not closed";
    if (!open.empty()) return std::string("a `") + open.back() + "` is missing at the end";
    return {};
}

} // namespace

const std::vector<std::string>& known_formats() {
    static const std::vector<std::string> formats{"json"};
    return formats;
}

bool json_decoder::decode(std::string_view bytes, expression::value& into) {
    into = {};
    if (bytes.size() > bytes_max) {
        error_ = "the message is larger than 4 MiB";
        return false;
    }
    if (padded_.size() < bytes.size() + simdjson::SIMDJSON_PADDING)
        padded_.resize(bytes.size() * 2 + simdjson::SIMDJSON_PADDING);
    if (!bytes.empty()) std::memcpy(padded_.data(), bytes.data(), bytes.size());
    std::memset(padded_.data() + bytes.size(), ' ', simdjson::SIMDJSON_PADDING);
    if (parser_.max_depth() != nesting_max) {
        if (const auto code = parser_.allocate(std::max<std::size_t>(bytes.size(), 4096), nesting_max))
            return fail(bytes, code);
    }
    simdjson::dom::element document;
    if (const auto code = parser_.parse(padded_.data(), bytes.size(), false).get(document)) return fail(bytes, code);
    into = expression::value::from(document);
    return true;
}

bool json_decoder::fail(std::string_view bytes, simdjson::error_code code) {
    switch (code) {
    case simdjson::EMPTY: error_ = "the message is empty; JSON was expected"; return false;
    case simdjson::DEPTH_ERROR: error_ = "the JSON is nested deeper than 64 levels"; return false;
    case simdjson::UTF8_ERROR: error_ = "the message is not valid UTF-8"; return false;
    case simdjson::NUMBER_ERROR:
        error_ = "the JSON holds a number that is malformed or does not fit 64 bits; send long numbers as text";
        return false;
    default: break;
    }
    error_ = "the message is not valid JSON";
    if (const auto place = guess_place(bytes); !place.empty()) error_ += ": " + place;
    return false;
}

} // namespace mapper::payload
