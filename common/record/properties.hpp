// The pass-through MQTT 5 properties of a record, read and built one by one. Source: MQTT 5.0 §2.2.2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace record {

/// Identifiers as on the wire; never renumber.
enum class property : std::uint8_t {
    payload_format_indicator = 0x01,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    user_property = 0x26,
};

struct property_value {
    property id = property::payload_format_indicator;
    std::uint8_t number = 0; ///< payload format indicator
    std::string_view text;   ///< content type, response topic, correlation data, user property's value
    std::string_view name;   ///< user property
};

/// Walks the wire bytes in order. `next()` is empty at the end and at the first malformed property (`ok()` tells).
class property_reader {
  public:
    explicit property_reader(std::string_view wire) noexcept : left_(wire) {}
    std::optional<property_value> next() noexcept;
    bool ok() const noexcept { return ok_; }

  private:
    std::optional<std::string_view> text() noexcept;

    std::string_view left_;
    bool ok_ = true;
};

/// Texts of at most 65,535 bytes.
void append_payload_format(std::string& out, std::uint8_t indicator);
void append_property(std::string& out, property id, std::string_view text);
void append_user_property(std::string& out, std::string_view name, std::string_view value);

} // namespace record
