#include "broker/mqtt/properties.hpp"

#include "broker/mqtt/utf8.hpp"
#include "broker/mqtt/wire.hpp"

#include <array>
#include <initializer_list>

namespace broker::mqtt {
namespace {

enum class value_kind : std::uint8_t { none, flag, u16, u16_not_0, u32, u32_not_0, varint_not_0, string, binary, pair };

struct rule {
    value_kind kind = value_kind::none;
    std::uint16_t places = 0; // bit = packet type, bit 0 = will
};

constexpr std::uint16_t in(std::initializer_list<packet_type> types) {
    unsigned places = 0;
    for (const packet_type type : types) places |= 1U << static_cast<unsigned>(type);
    return static_cast<std::uint16_t>(places);
}

using enum packet_type;
constexpr std::uint16_t in_message = in({publish, will_properties});
constexpr std::uint16_t in_login = in({connect, connack, auth});
constexpr std::uint16_t in_both_connects = in({connect, connack});
constexpr std::uint16_t in_answers = in({connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth});
constexpr std::uint16_t in_all = in_answers | in_message | in({connect, subscribe, unsubscribe});

/// MQTT 5.0 table 2-4, by identifier.
constexpr std::array<rule, 0x2B> rules = [] {
    std::array<rule, 0x2B> table{};
    table[0x01] = {value_kind::flag, in_message};
    table[0x02] = {value_kind::u32, in_message};
    table[0x03] = {value_kind::string, in_message};
    table[0x08] = {value_kind::string, in_message};
    table[0x09] = {value_kind::binary, in_message};
    table[0x0B] = {value_kind::varint_not_0, in({publish, subscribe})};
    table[0x11] = {value_kind::u32, in({connect, connack, disconnect})};
    table[0x12] = {value_kind::string, in({connack})};
    table[0x13] = {value_kind::u16, in({connack})};
    table[0x15] = {value_kind::string, in_login};
    table[0x16] = {value_kind::binary, in_login};
    table[0x17] = {value_kind::flag, in({connect})};
    table[0x18] = {value_kind::u32, in({will_properties})};
    table[0x19] = {value_kind::flag, in({connect})};
    table[0x1A] = {value_kind::string, in({connack})};
    table[0x1C] = {value_kind::string, in({connack, disconnect})};
    table[0x1F] = {value_kind::string, in_answers};
    table[0x21] = {value_kind::u16_not_0, in_both_connects};
    table[0x22] = {value_kind::u16, in_both_connects};
    table[0x23] = {value_kind::u16, in({publish})}; // 0 is answered by 0x94, which the session decides
    table[0x24] = {value_kind::flag, in({connack})};
    table[0x25] = {value_kind::flag, in({connack})};
    table[0x26] = {value_kind::pair, in_all};
    table[0x27] = {value_kind::u32_not_0, in_both_connects};
    table[0x28] = {value_kind::flag, in({connack})};
    table[0x29] = {value_kind::flag, in({connack})};
    table[0x2A] = {value_kind::flag, in({connack})};
    return table;
}();

bool may_repeat(unsigned id, packet_type place) noexcept {
    return id == 0x26 || (id == 0x0B && place == packet_type::publish);
}

} // namespace

bool property_reader::fail(reason_code code, std::string_view text) noexcept {
    error_ = code;
    text_ = text;
    return false;
}

bool property_reader::next(property& out) noexcept {
    if (left_.empty() || error_ != reason_code::success) return false;
    const auto id = static_cast<unsigned char>(left_.front());
    const rule known = id < rules.size() ? rules[id] : rule{};
    if (known.kind == value_kind::none) return fail(reason_code::malformed_packet, "unknown property");
    // MQTT 5.0 section 2.2.2.2: an identifier that is not valid for its packet makes the packet malformed.
    if ((known.places >> static_cast<unsigned>(place_) & 1) == 0)
        return fail(reason_code::malformed_packet, "property that does not belong in this packet");
    const std::uint64_t bit = std::uint64_t{1} << id;
    if ((seen_ & bit) != 0 && !may_repeat(id, place_)) return fail(reason_code::protocol_error, "property given twice");
    seen_ |= bit;
    out.id = static_cast<property_id>(id);
    return read_value(out, static_cast<unsigned>(known.kind));
}

bool property_reader::read_value(property& out, unsigned kind) noexcept {
    core::byte_reader reader(core::as_bytes(left_.substr(1)));
    bool text_ok = true;
    bool number_ok = true;
    switch (static_cast<value_kind>(kind)) {
    case value_kind::flag:
        out.number = reader.u8();
        number_ok = out.number <= 1;
        break;
    case value_kind::u16:
    case value_kind::u16_not_0:
        out.number = reader.u16();
        number_ok = out.number != 0 || static_cast<value_kind>(kind) == value_kind::u16;
        break;
    case value_kind::u32:
    case value_kind::u32_not_0:
        out.number = reader.u32();
        number_ok = out.number != 0 || static_cast<value_kind>(kind) == value_kind::u32;
        break;
    case value_kind::varint_not_0:
        out.number = read_varint(reader);
        number_ok = out.number != 0;
        break;
    case value_kind::string:
        out.text = reader.text_u16();
        text_ok = is_mqtt_string(out.text);
        break;
    case value_kind::binary: out.text = reader.text_u16(); break;
    case value_kind::pair:
        out.text = reader.text_u16();
        out.value = reader.text_u16();
        text_ok = is_mqtt_string(out.text) && is_mqtt_string(out.value);
        break;
    case value_kind::none: break;
    }
    if (!reader.ok()) return fail(reason_code::malformed_packet, "property cut short");
    if (!text_ok) return fail(reason_code::malformed_packet, "property text is not valid UTF-8");
    if (!number_ok) return fail(reason_code::protocol_error, "property value is not allowed");
    out.wire = left_.substr(0, left_.size() - reader.left());
    left_.remove_prefix(out.wire.size());
    return true;
}

} // namespace broker::mqtt
