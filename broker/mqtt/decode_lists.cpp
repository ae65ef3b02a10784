// SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK: packets with an identifier, properties and a list.
#include "broker/mqtt/decode_body.hpp"

namespace broker::mqtt {
namespace {

/// The options byte of one filter (MQTT 5.0 section 3.8.3.1; [MQTT311-3.8.3-4], [MQTT5-3.8.3-5]).
bool check_options(packet_body& body, unsigned options) {
    if (body.version == protocol_version::v3_1) options &= 3; // 3.1 leaves the other bits unused
    if (!body.is_v5()) return options <= 2 || body.malformed("requested QoS is not 0, 1 or 2");
    if ((options & 0xC0) != 0) return body.malformed("reserved subscription options are set");
    if ((options & 3) == 3) return body.fail(reason_code::protocol_error, "requested QoS 3");
    if ((options & 0x30) == 0x30) return body.fail(reason_code::protocol_error, "retain handling 3");
    return true;
}

bool check_filters(packet_body& body, bool with_options, std::uint32_t& count, std::string_view& filters) {
    const core::byte_reader start = body.reader;
    while (body.reader.left() != 0) {
        std::string_view filter;
        if (!body.text(filter, "topic filter is cut short or not valid UTF-8")) return false;
        if (with_options) {
            const std::uint8_t options = body.reader.u8();
            if (!body.reader.ok()) return body.malformed("topic filter without options");
            if (!check_options(body, options)) return false;
        }
        ++count;
    }
    if (count == 0) return body.fail(reason_code::protocol_error, "no topic filter");
    core::byte_reader all = start;
    filters = core::as_text(all.rest());
    return true;
}

bool check_codes(packet_body& body, std::string_view& codes) {
    codes = core::as_text(body.reader.rest());
    if (codes.empty()) return body.fail(reason_code::protocol_error, "no reason code");
    for (const char code : codes) {
        const auto value = static_cast<std::uint8_t>(code);
        if (body.is_v5() ? !body.allowed(static_cast<reason_code>(value)) : value > 2 && value != 0x80)
            return body.malformed("unknown reason code");
    }
    return true;
}

} // namespace

bool decode_subscribe(packet_body& body, packet& out) {
    subscribe_packet& subscribe = out.emplace<subscribe_packet>();
    if (!body.identifier(subscribe.packet_identifier)) return false;
    if (body.is_v5()) {
        std::string_view raw;
        const auto use = [&subscribe](const property& one) {
            if (one.id == property_id::subscription_identifier) subscribe.subscription_identifier = one.number;
        };
        if (!body.block(raw) || !body.each_property(raw, packet_type::subscribe, use)) return false;
    }
    return check_filters(body, true, subscribe.filter_count, subscribe.filters);
}

bool decode_unsubscribe(packet_body& body, packet& out) {
    unsubscribe_packet& unsubscribe = out.emplace<unsubscribe_packet>();
    if (!body.identifier(unsubscribe.packet_identifier)) return false;
    std::string_view unused;
    if (body.is_v5() && !body.reason_string(unused)) return false;
    return check_filters(body, false, unsubscribe.filter_count, unsubscribe.filters);
}

bool decode_suback(packet_body& body, packet& out) {
    suback_packet& suback = out.emplace<suback_packet>();
    if (!body.identifier(suback.packet_identifier)) return false;
    if (body.is_v5() && !body.reason_string(suback.reason_string)) return false;
    return check_codes(body, suback.codes);
}

bool decode_unsuback(packet_body& body, packet& out) {
    unsuback_packet& unsuback = out.emplace<unsuback_packet>();
    if (!body.identifier(unsuback.packet_identifier)) return false;
    if (!body.is_v5()) return body.nothing_left();
    return body.reason_string(unsuback.reason_string) && check_codes(body, unsuback.codes);
}

} // namespace broker::mqtt
