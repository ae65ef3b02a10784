// Append-only JSON output into a string of its own; reading JSON is simdjson's work.
//   json_writer w; w.object().member("id", 7).key("list").array().value("a").end().end(); std::move(w).text();
// Commas and quoting are its business; balance of object/array/end is the caller's (asserted).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace core {

/// Appends `text` as a JSON string with quotes. Bytes that are not valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// Shortest form that reads back as the same double; NaN and infinities become null (JSON has none).
void append_json_number(std::string& out, double number);

class json_writer {
  public:
    json_writer& object() { return open('{', '}'); }
    json_writer& array() { return open('[', ']'); }
    json_writer& end();
    json_writer& key(std::string_view name);

    json_writer& value(std::string_view text);
    json_writer& value(const char* text) { return value(std::string_view(text)); }
    json_writer& value(const std::string& text) { return value(std::string_view(text)); }
    json_writer& value(bool flag);
    json_writer& value(double number);
    template <class Number>
        requires(std::integral<Number> && !std::same_as<Number, bool>)
    json_writer& value(Number number) {
        return raw(std::to_string(number));
    }
    json_writer& null() { return raw("null"); }
    /// Inserts a text that is JSON already.
    json_writer& raw(std::string_view json);

    template <class Value> json_writer& member(std::string_view name, const Value& of) {
        key(name);
        return value(of);
    }

    const std::string& text() const& noexcept { return out_; }
    std::string text() && noexcept { return std::move(out_); }

  private:
    json_writer& open(char first, char last);
    void separate();

    std::string out_;
    std::vector<char> closing_;
    bool first_ = true;
};

} // namespace core
