#include "common/record/properties.hpp"

#include "common/core/bytes.hpp"

namespace record {

std::optional<std::string_view> property_reader::text() noexcept {
    if (left_.size() < 2) return std::nullopt;
    const auto length = core::load_big_endian<std::uint16_t>(left_.data());
    if (left_.size() - 2 < length) return std::nullopt;
    const auto found = left_.substr(2, length);
    left_.remove_prefix(2U + length);
    return found;
}

std::optional<property_value> property_reader::next() noexcept {
    if (left_.empty()) return std::nullopt;
    property_value out;
    out.id = static_cast<property>(left_.front());
    left_.remove_prefix(1);
    ok_ = false; // until this one is read whole
    switch (out.id) {
    case property::payload_format_indicator:
        if (left_.empty()) return std::nullopt;
        out.number = static_cast<std::uint8_t>(left_.front());
        left_.remove_prefix(1);
        break;
    case property::user_property:
        if (const auto name = text())
            out.name = *name;
        else
            return std::nullopt;
        [[fallthrough]];
    case property::content_type:
    case property::response_topic:
    case property::correlation_data:
        if (const auto value = text())
            out.text = *value;
        else
            return std::nullopt;
        break;
    default: return std::nullopt;
    }
    ok_ = true;
    return out;
}

void append_payload_format(std::string& out, std::uint8_t indicator) {
    out.push_back(static_cast<char>(property::payload_format_indicator));
    out.push_back(static_cast<char>(indicator));
}

void append_property(std::string& out, property id, std::string_view text) {
    core::byte_writer write(out);
    write.u8(static_cast<std::uint8_t>(id));
    write.text_u16(text);
}

void append_user_property(std::string& out, std::string_view name, std::string_view value) {
    core::byte_writer write(out);
    write.u8(static_cast<std::uint8_t>(property::user_property));
    write.text_u16(name);
    write.text_u16(value);
}

} // namespace record
