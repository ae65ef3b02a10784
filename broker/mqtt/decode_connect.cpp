#include "broker/mqtt/decode_body.hpp"
#include "broker/mqtt/topic_rules.hpp"

namespace broker::mqtt {
namespace {

/// Name and level are read together: `MQIsdp` 3, `MQTT` 4 and 5; mixed pairs are no version (ref: 3.1 differences 1-3).
bool read_version(packet_body& body, protocol_version& version) {
    const std::string_view name = body.reader.text_u16();
    const std::uint8_t level = body.reader.u8();
    if (!body.reader.ok()) return body.malformed("CONNECT cut short");
    if (name != "MQTT" && name != "MQIsdp") return body.malformed("unknown protocol name");
    if (name == "MQIsdp" && level == 3)
        version = protocol_version::v3_1;
    else if (name == "MQTT" && level == 4)
        version = protocol_version::v3_1_1;
    else if (name == "MQTT" && level == 5)
        version = protocol_version::v5;
    else
        return body.fail(reason_code::unsupported_protocol_version, "protocol level not supported");
    body.version = version;
    body.error.version = version;
    return true;
}

struct connect_flags {
    bool reserved, clean_start, will, will_retain, password, username;
    std::uint8_t will_qos;

    explicit connect_flags(unsigned raw)
        : reserved((raw & 1) != 0), clean_start((raw & 2) != 0), will((raw & 4) != 0), will_retain((raw & 0x20) != 0),
          password((raw & 0x40) != 0), username((raw & 0x80) != 0), will_qos(static_cast<std::uint8_t>(raw >> 3 & 3)) {}
};

bool check_flags(packet_body& body, const connect_flags& flags) {
    const bool v3_1 = body.version == protocol_version::v3_1; // 3.1 has no rule for unused bits: they are ignored
    if (flags.reserved && !v3_1) return body.malformed("reserved connect flag is set");
    if (flags.will && flags.will_qos == 3) return body.malformed("will QoS 3");
    if (!flags.will && !v3_1 && (flags.will_qos != 0 || flags.will_retain))
        return body.malformed("will QoS or retain without a will");
    if (flags.password && !flags.username && !body.is_v5()) return body.malformed("password without user name");
    return true;
}

bool read_connect_properties(packet_body& body, connect_packet& out) {
    std::string_view raw;
    if (!body.block(raw)) return false;
    const auto use = [&out](const property& one) {
        switch (one.id) {
        case property_id::session_expiry_interval: out.session_expiry_s = one.number; break;
        case property_id::receive_maximum: out.receive_maximum = static_cast<std::uint16_t>(one.number); break;
        case property_id::maximum_packet_size: out.packet_bytes_max = one.number; break;
        case property_id::topic_alias_maximum: out.topic_alias_maximum = static_cast<std::uint16_t>(one.number); break;
        case property_id::request_response_information: out.request_response_information = one.number != 0; break;
        case property_id::request_problem_information: out.request_problem_information = one.number != 0; break;
        case property_id::authentication_method: out.authentication_method = one.text; break;
        case property_id::authentication_data: out.authentication_data = one.text; break;
        default: break;
        }
    };
    if (!body.each_property(raw, packet_type::connect, use)) return false;
    if (out.authentication_data && !out.authentication_method)
        return body.fail(reason_code::protocol_error, "authentication data without a method");
    return true;
}

bool read_will_properties(packet_body& body, will_message& will) {
    if (!body.block(will.properties)) return false;
    const auto use = [&body, &will](const property& one) {
        if (!passes_through(one.id)) will.properties_pass_through_only = false;
        if (one.id == property_id::will_delay_interval) will.delay_s = one.number;
        if (one.id == property_id::payload_format_indicator) will.payload_is_utf8 = one.number != 0;
        if (one.id == property_id::response_topic && has_wildcard(one.text))
            body.fail(reason_code::protocol_error, "response topic with a wildcard");
    };
    return body.each_property(will.properties, will_properties, use);
}

bool read_will(packet_body& body, const connect_flags& flags, connect_packet& out) {
    if (!flags.will) return true;
    will_message will;
    will.qos = flags.will_qos;
    will.retain = flags.will_retain;
    if (body.is_v5() && !read_will_properties(body, will)) return false;
    if (!body.text(will.topic, "will topic is cut short or not valid UTF-8")) return false;
    will.payload = body.reader.text_u16();
    if (!body.reader.ok()) return body.malformed("will payload cut short");
    out.will = will;
    return true;
}

bool read_credentials(packet_body& body, const connect_flags& flags, connect_packet& out) {
    // In 3.1 the remaining length wins over the flags: a field that is not there is simply absent.
    const bool may_miss = body.version == protocol_version::v3_1;
    if (flags.username && !(may_miss && body.reader.left() == 0)) {
        std::string_view username;
        if (!body.text(username, "user name is cut short or not valid UTF-8")) return false;
        out.username = username;
    }
    if (flags.password && !(may_miss && body.reader.left() == 0)) {
        out.password = body.reader.text_u16();
        if (!body.reader.ok()) return body.malformed("password cut short");
    }
    return body.nothing_left();
}

reason_code from_return_code(std::uint8_t code) noexcept {
    switch (static_cast<return_code>(code)) {
    case return_code::accepted: return reason_code::success;
    case return_code::unacceptable_protocol_version: return reason_code::unsupported_protocol_version;
    case return_code::identifier_rejected: return reason_code::client_identifier_not_valid;
    case return_code::server_unavailable: return reason_code::server_unavailable;
    case return_code::bad_username_or_password: return reason_code::bad_username_or_password;
    case return_code::not_authorized: return reason_code::not_authorized;
    }
    return reason_code::unspecified_error;
}

void take_connack_property(connack_packet& out, const property& one) {
    const auto u16 = static_cast<std::uint16_t>(one.number);
    switch (one.id) {
    case property_id::session_expiry_interval: out.session_expiry_s = one.number; break;
    case property_id::receive_maximum: out.receive_maximum = u16; break;
    case property_id::maximum_qos: out.maximum_qos = static_cast<std::uint8_t>(one.number); break;
    case property_id::retain_available: out.retain_available = one.number != 0; break;
    case property_id::maximum_packet_size: out.packet_bytes_max = one.number; break;
    case property_id::topic_alias_maximum: out.topic_alias_maximum = u16; break;
    case property_id::wildcard_subscription_available: out.wildcard_subscription_available = one.number != 0; break;
    case property_id::subscription_identifier_available:
        out.subscription_identifiers_available = one.number != 0;
        break;
    case property_id::shared_subscription_available: out.shared_subscription_available = one.number != 0; break;
    case property_id::server_keep_alive: out.server_keep_alive_s = u16; break;
    case property_id::assigned_client_identifier: out.assigned_client_id = one.text; break;
    case property_id::reason_string: out.reason_string = one.text; break;
    default: break;
    }
}

} // namespace

bool decode_connect(packet_body& body, packet& out) {
    connect_packet& connect = out.emplace<connect_packet>();
    if (!read_version(body, connect.version)) return false;
    const connect_flags flags(body.reader.u8());
    connect.clean_start = flags.clean_start;
    connect.keep_alive_s = body.reader.u16();
    if (!body.reader.ok()) return body.malformed("CONNECT cut short");
    if (!check_flags(body, flags)) return false;
    if (body.is_v5() && !read_connect_properties(body, connect)) return false;
    if (!body.text(connect.client_id, "client identifier is cut short or not valid UTF-8")) return false;
    return read_will(body, flags, connect) && read_credentials(body, flags, connect);
}

bool decode_connack(packet_body& body, packet& out) {
    connack_packet& connack = out.emplace<connack_packet>();
    const std::uint8_t flags = body.reader.u8();
    const std::uint8_t code = body.reader.u8();
    if (!body.reader.ok()) return body.malformed("CONNACK cut short");
    if (flags > 1) return body.malformed("reserved acknowledge flags are set");
    connack.session_present = flags == 1;
    if (!body.is_v5()) {
        if (code > static_cast<std::uint8_t>(return_code::not_authorized)) return body.malformed("unknown return code");
        connack.reason = from_return_code(code);
        return body.nothing_left();
    }
    connack.reason = static_cast<reason_code>(code);
    std::string_view raw;
    if (!body.allowed(connack.reason) || !body.block(raw)) return false;
    const auto use = [&connack](const property& one) { take_connack_property(connack, one); };
    return body.each_property(raw, packet_type::connack, use) && body.nothing_left();
}

} // namespace broker::mqtt
