#include "broker/mqtt/packet.hpp"

#include "broker/mqtt/properties.hpp"

#include <array>
#include <initializer_list>

namespace broker::mqtt {
namespace {

std::string_view pass_through(std::string_view block, packet_type place, bool nothing_else, std::string& scratch) {
    if (nothing_else) return block;
    scratch.clear();
    property_reader reader(block, place);
    for (property each; reader.next(each);)
        if (passes_through(each.id)) scratch.append(each.wire);
    return scratch;
}

/// Codes of 0x80 and above as one word: bit = code - 0x80.
constexpr std::uint64_t failures(std::initializer_list<unsigned> codes) {
    std::uint64_t set = 0;
    for (const unsigned code : codes) set |= std::uint64_t{1} << (code - 0x80);
    return set;
}

/// MQTT 5.0 tables 3-1, 3-4 to 3-9: the failure codes each packet may carry, by packet type.
constexpr std::array<std::uint64_t, 16> failure_codes = [] {
    std::array<std::uint64_t, 16> table{};
    table[2] = failures({0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A,
                         0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F});
    table[4] = table[5] = failures({0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99});
    table[6] = table[7] = failures({0x92});
    table[9] = failures({0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2});
    table[11] = failures({0x80, 0x83, 0x87, 0x8F, 0x91});
    table[14] = failures({0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95,
                          0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2});
    return table;
}();

bool success_code_allowed(packet_type type, std::uint8_t code) noexcept {
    switch (type) {
    case packet_type::puback:
    case packet_type::pubrec: return code == 0x00 || code == 0x10;
    case packet_type::suback: return code <= 2;
    case packet_type::unsuback: return code == 0x00 || code == 0x11;
    case packet_type::disconnect: return code == 0x00 || code == 0x04;
    case packet_type::auth: return code == 0x00 || code == 0x18 || code == 0x19;
    default: return code == 0x00;
    }
}

} // namespace

bool may_carry(packet_type type, reason_code code) noexcept {
    const auto value = static_cast<std::uint8_t>(code);
    if (value < 0x80) return success_code_allowed(type, value);
    return value < 0xC0 && (failure_codes[static_cast<std::size_t>(type)] >> (value - 0x80) & 1) != 0;
}

reason_code carried_by(packet_type type, reason_code code) noexcept {
    return may_carry(type, code) ? code : reason_code::implementation_specific_error;
}

std::string_view name_of(packet_type type) noexcept {
    constexpr std::array<std::string_view, 16> names{
        "none",      "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
        "SUBSCRIBE", "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};
    return names[static_cast<std::size_t>(type) & 15];
}

std::string_view pass_through_properties(const publish_packet& value, std::string& scratch) {
    return pass_through(value.properties, packet_type::publish, value.properties_pass_through_only, scratch);
}

std::string_view pass_through_properties(const will_message& will, std::string& scratch) {
    return pass_through(will.properties, will_properties, will.properties_pass_through_only, scratch);
}

std::optional<subscription> subscription_reader::next() noexcept {
    if (left_.empty()) return std::nullopt;
    core::byte_reader reader(core::as_bytes(left_));
    subscription entry;
    entry.filter = reader.text_u16();
    const unsigned options = reader.u8();
    if (!reader.ok()) return std::nullopt;
    entry.qos = options & 3;
    entry.no_local = (options & 4) != 0;
    entry.retain_as_published = (options & 8) != 0;
    entry.retain_handling = options >> 4 & 3;
    left_.remove_prefix(left_.size() - reader.left());
    return entry;
}

std::optional<std::string_view> filter_reader::next() noexcept {
    if (left_.empty()) return std::nullopt;
    core::byte_reader reader(core::as_bytes(left_));
    const std::string_view filter = reader.text_u16();
    if (!reader.ok()) return std::nullopt;
    left_.remove_prefix(left_.size() - reader.left());
    return filter;
}

} // namespace broker::mqtt
