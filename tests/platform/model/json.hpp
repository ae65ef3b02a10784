// The stand-in's mutable JSON: Boost.JSON values, read strictly and written with numbers as people write them.
// Model code of tests only; the three programs read with simdjson and write with core::json_writer.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace platform_sim::model {

namespace json = boost::json;

/// The object in `text`; empty when the text is no JSON or no object.
std::optional<json::object> parse_object(std::string_view text);

void append_json(std::string& out, const json::value& value);
void append_json(std::string& out, const json::object& object);
/// The members of `object` without its braces, without a comma before the first.
void append_members(std::string& out, const json::object& object);
std::string json_text(const json::object& object);

/// The text under `key`; empty when it is absent or no text.
std::string_view text_member(const json::object& object, std::string_view key);
/// The number of `{"<key>":{"id":"123"}}`; 0 when absent or not of that form. IDs are texts of digits (ref D.2).
std::uint64_t reference_member(const json::object& object, std::string_view key);
/// Digits to a number; 0 for anything else.
std::uint64_t parse_id(std::string_view text) noexcept;
/// Follows `a.b.c` through objects; null when a step is missing.
const json::value* find_path(const json::object& object, std::string_view path);

} // namespace platform_sim::model
