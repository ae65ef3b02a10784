#include "broker/mqtt/decoder.hpp"

#include "broker/mqtt/decode_body.hpp"
#include "broker/mqtt/topic_rules.hpp"

namespace broker::mqtt {
namespace {

bool publish_properties(packet_body& body, publish_packet& out) {
    if (!body.block(out.properties)) return false;
    if (out.properties.empty()) return true;
    const auto use = [&body, &out](const property& one) {
        if (!passes_through(one.id)) out.properties_pass_through_only = false;
        switch (one.id) {
        case property_id::payload_format_indicator: out.payload_is_utf8 = one.number != 0; break;
        case property_id::message_expiry_interval:
            out.has_message_expiry = true;
            out.message_expiry_s = one.number;
            break;
        case property_id::topic_alias:
            out.has_topic_alias = true;
            out.topic_alias = static_cast<std::uint16_t>(one.number);
            break;
        case property_id::subscription_identifier: out.has_subscription_identifier = true; break;
        case property_id::response_topic: // [MQTT5-3.3.2-14]
            if (has_wildcard(one.text)) body.fail(reason_code::protocol_error, "response topic with a wildcard");
            break;
        default: break;
        }
    };
    return body.each_property(out.properties, packet_type::publish, use);
}

bool decode_publish(packet_body& body, packet& out) {
    publish_packet& publish = out.emplace<publish_packet>();
    publish.retain = (body.flags & 1) != 0;
    publish.qos = body.flags >> 1 & 3;
    publish.dup = (body.flags & 8) != 0;
    if (!body.text(publish.topic, "topic is cut short or not valid UTF-8")) return false;
    if (publish.qos != 0 && !body.identifier(publish.packet_identifier)) return false;
    if (body.is_v5() && !publish_properties(body, publish)) return false;
    publish.payload = core::as_text(body.reader.rest());
    return true;
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP: in 5.0 code and properties may be left out (section 3.4.2.1).
template <class Acknowledgement> bool decode_acknowledgement(packet_body& body, packet& out) {
    Acknowledgement& ack = out.emplace<Acknowledgement>();
    if (!body.identifier(ack.packet_identifier)) return false;
    if (!body.is_v5() || body.reader.left() == 0) return body.nothing_left();
    ack.reason = static_cast<reason_code>(body.reader.u8());
    if (!body.allowed(ack.reason)) return false;
    if (body.reader.left() == 0) return true;
    return body.reason_string(ack.reason_string) && body.nothing_left();
}

bool decode_disconnect(packet_body& body, packet& out) {
    disconnect_packet& disconnect = out.emplace<disconnect_packet>();
    if (!body.is_v5() || body.reader.left() == 0) return body.nothing_left();
    disconnect.reason = static_cast<reason_code>(body.reader.u8());
    if (!body.allowed(disconnect.reason)) return false;
    if (body.reader.left() == 0) return true;
    std::string_view raw;
    const auto use = [&disconnect](const property& one) {
        if (one.id == property_id::session_expiry_interval) disconnect.session_expiry_s = one.number;
        if (one.id == property_id::reason_string) disconnect.reason_string = one.text;
    };
    return body.block(raw) && body.each_property(raw, packet_type::disconnect, use) && body.nothing_left();
}

bool decode_auth(packet_body& body, packet& out) {
    auth_packet& auth = out.emplace<auth_packet>();
    if (!body.is_v5()) return body.malformed("packet type 15 does not exist in this version");
    if (body.reader.left() == 0) return true;
    auth.reason = static_cast<reason_code>(body.reader.u8());
    if (!body.allowed(auth.reason)) return false;
    std::string_view raw;
    const auto use = [&auth](const property& one) {
        if (one.id == property_id::authentication_method) auth.method = one.text;
        if (one.id == property_id::authentication_data) auth.data = one.text;
        if (one.id == property_id::reason_string) auth.reason_string = one.text;
    };
    return body.block(raw) && body.each_property(raw, packet_type::auth, use) && body.nothing_left();
}

bool decode_body(packet_body& body, packet& out) {
    switch (body.type) {
    case packet_type::connect: return decode_connect(body, out);
    case packet_type::connack: return decode_connack(body, out);
    case packet_type::publish: return decode_publish(body, out);
    case packet_type::puback: return decode_acknowledgement<puback_packet>(body, out);
    case packet_type::pubrec: return decode_acknowledgement<pubrec_packet>(body, out);
    case packet_type::pubrel: return decode_acknowledgement<pubrel_packet>(body, out);
    case packet_type::pubcomp: return decode_acknowledgement<pubcomp_packet>(body, out);
    case packet_type::subscribe: return decode_subscribe(body, out);
    case packet_type::suback: return decode_suback(body, out);
    case packet_type::unsubscribe: return decode_unsubscribe(body, out);
    case packet_type::unsuback: return decode_unsuback(body, out);
    case packet_type::pingreq: out.emplace<pingreq_packet>(); return body.nothing_left();
    case packet_type::pingresp: out.emplace<pingresp_packet>(); return body.nothing_left();
    case packet_type::disconnect: return decode_disconnect(body, out);
    case packet_type::auth: return decode_auth(body, out);
    case packet_type::none: break;
    }
    return body.malformed("packet type 0");
}

/// Judges the first byte alone ([MQTT311-2.2.2-2], [MQTT5-2.1.3-1], [MQTT311-3.3.1-4], [MQTT5-3.3.1-4]).
bool check_first_byte(packet_body& body) {
    if (body.version == protocol_version::unknown && body.type != packet_type::connect)
        return body.fail(reason_code::protocol_error, "the first packet is not CONNECT");
    const bool v3_1 = body.version == protocol_version::v3_1;
    switch (body.type) {
    case packet_type::none: return body.malformed("packet type 0");
    case packet_type::publish:
        if ((body.flags & 6) == 6) return body.malformed("PUBLISH with QoS 3");
        if ((body.flags & 0x0E) == 8 && !v3_1) return body.malformed("PUBLISH with QoS 0 and DUP");
        return true;
    case packet_type::pubrel:
    case packet_type::subscribe:
    case packet_type::unsubscribe: // a 3.1 client may repeat these with DUP
        return body.flags == 2 || (v3_1 && body.flags == 10) || body.malformed("wrong flags in the fixed header");
    default: return body.flags == 0 || body.malformed("wrong flags in the fixed header");
    }
}

struct remaining_length {
    std::uint32_t value = 0;
    std::size_t bytes = 0; // 0: incomplete
    bool valid = true;
    bool shortest = true;
};

remaining_length read_remaining_length(core::byte_span input) noexcept {
    remaining_length length;
    for (std::size_t i = 0; i < 4; ++i) {
        if (1 + i == input.size()) return length;
        const auto byte = std::to_integer<std::uint32_t>(input[1 + i]);
        length.value |= (byte & 0x7F) << (7 * i);
        if ((byte & 0x80) != 0) continue;
        length.bytes = i + 1;
        length.shortest = i == 0 || byte != 0;
        return length;
    }
    length.valid = false;
    return length;
}

} // namespace

bool packet_body::allowed(reason_code code) noexcept {
    return may_carry(type, code) || malformed("reason code that this packet cannot have");
}

decode_result decode(core::byte_span input, protocol_version version, std::uint32_t packet_bytes_max) {
    decode_result result;
    if (input.empty()) {
        result.need_more = true;
        return result;
    }
    const auto first = std::to_integer<std::uint8_t>(input[0]);
    packet_body body{core::byte_reader({}), static_cast<packet_type>(first >> 4), static_cast<std::uint8_t>(first & 15),
                     version, result.error};
    result.error.type = body.type;
    result.error.version = version;
    if (!check_first_byte(body)) return result;
    const remaining_length length = read_remaining_length(input);
    if (!length.valid || (body.is_v5() && !length.shortest)) {
        body.malformed("remaining length is not valid");
        return result;
    }
    if (length.bytes == 0) {
        result.need_more = true;
        return result;
    }
    const std::size_t header_bytes = 1 + length.bytes;
    const std::size_t total = header_bytes + length.value;
    if (total > packet_bytes_max) {
        body.fail(reason_code::packet_too_large, describe(reason_code::packet_too_large));
        return result;
    }
    if (input.size() < total) {
        result.need_more = true;
        result.packet_bytes = total;
        return result;
    }
    body.reader = core::byte_reader(input.subspan(header_bytes, length.value));
    // Only the body of CONNECT tells whether the rule of 5.0 for its own length applies ([MQTT5-1.5.5-1]).
    if (!decode_body(body, result.value) ||
        (body.is_v5() && !length.shortest && !body.malformed("remaining length is not valid"))) {
        result.value.emplace<std::monostate>();
        return result;
    }
    result.consumed = total;
    return result;
}

} // namespace broker::mqtt
