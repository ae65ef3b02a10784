#include "broker/mqtt/encoder.hpp"

#include "broker/mqtt/properties.hpp"
#include "broker/mqtt/wire.hpp"

#include <algorithm>
#include <cstring>

namespace broker::mqtt {
namespace {

bool is_v5(protocol_version version) noexcept { return version == protocol_version::v5; }

std::size_t publish_remaining(const outgoing_publish& value, bool v5) noexcept {
    std::size_t size = 2 + value.topic.size() + value.payload.size() + (value.qos == 0 ? 0 : 2);
    if (v5) size += varint_size(static_cast<std::uint32_t>(value.properties.size())) + value.properties.size();
    return size;
}

void append_header(std::string& out, unsigned first_byte, std::size_t remaining) {
    char raw[5];
    raw[0] = static_cast<char>(first_byte);
    const std::size_t size = 1 + store_varint(raw + 1, static_cast<std::uint32_t>(remaining));
    out.append(raw, size);
}

/// A property block under construction; not on the hot path.
struct property_block {
    std::string bytes;
    core::byte_writer writer{bytes};

    void id(property_id value) { writer.u8(static_cast<std::uint8_t>(value)); }
    void u8(property_id which, std::uint8_t value) {
        id(which);
        writer.u8(value);
    }
    void u16(property_id which, std::uint16_t value) {
        id(which);
        writer.u16(value);
    }
    void u32(property_id which, std::uint32_t value) {
        id(which);
        writer.u32(value);
    }
    void text(property_id which, std::string_view value) {
        if (value.empty()) return;
        id(which);
        writer.text_u16(value);
    }
    void append_to(std::string& body) const {
        append_varint(body, static_cast<std::uint32_t>(bytes.size()));
        body.append(bytes);
    }
};

property_block reason_block(std::string_view reason_string) {
    property_block block;
    block.text(property_id::reason_string, reason_string);
    return block;
}

void put_connack_properties(property_block& block, const connack_packet& value) {
    const auto flag = [&block](property_id id, const std::optional<bool>& available) {
        if (available) block.u8(id, *available ? 1 : 0);
    };
    if (value.session_expiry_s) block.u32(property_id::session_expiry_interval, *value.session_expiry_s);
    if (value.receive_maximum) block.u16(property_id::receive_maximum, *value.receive_maximum);
    if (value.maximum_qos) block.u8(property_id::maximum_qos, *value.maximum_qos);
    flag(property_id::retain_available, value.retain_available);
    if (value.packet_bytes_max) block.u32(property_id::maximum_packet_size, *value.packet_bytes_max);
    block.text(property_id::assigned_client_identifier, value.assigned_client_id);
    if (value.topic_alias_maximum) block.u16(property_id::topic_alias_maximum, *value.topic_alias_maximum);
    block.text(property_id::reason_string, value.reason_string);
    flag(property_id::wildcard_subscription_available, value.wildcard_subscription_available);
    flag(property_id::subscription_identifier_available, value.subscription_identifiers_available);
    flag(property_id::shared_subscription_available, value.shared_subscription_available);
    if (value.server_keep_alive_s) block.u16(property_id::server_keep_alive, *value.server_keep_alive_s);
}

void encode_list(std::string& out, unsigned first_byte, std::uint16_t packet_identifier, std::string_view reason_string,
                 std::string_view codes, protocol_version version) {
    std::string body;
    core::byte_writer(body).u16(packet_identifier);
    if (is_v5(version)) reason_block(reason_string).append_to(body);
    body.append(codes);
    append_header(out, first_byte, body.size());
    out.append(body);
}

} // namespace

std::size_t encoded_size(const outgoing_publish& value, protocol_version version) noexcept {
    const std::size_t remaining = publish_remaining(value, is_v5(version));
    if (remaining > varint_max || value.topic.size() > 65'535) return 0;
    return 1 + varint_size(static_cast<std::uint32_t>(remaining)) + remaining;
}

void encode_publish(std::string& out, const outgoing_publish& value, protocol_version version) {
    const bool v5 = is_v5(version);
    const unsigned first =
        0x30U | (value.dup ? 8U : 0U) | static_cast<unsigned>(value.qos) << 1 | (value.retain ? 1U : 0U);
    char raw[8]; // fixed header and topic length; then identifier and property length
    raw[0] = static_cast<char>(first);
    std::size_t size = 1 + store_varint(raw + 1, static_cast<std::uint32_t>(publish_remaining(value, v5)));
    core::store_big_endian(raw + size, static_cast<std::uint16_t>(value.topic.size()));
    out.append(raw, size + 2);
    out.append(value.topic);
    size = 0;
    if (value.qos != 0) {
        core::store_big_endian(raw, value.packet_identifier);
        size = 2;
    }
    if (v5) size += store_varint(raw + size, static_cast<std::uint32_t>(value.properties.size()));
    out.append(raw, size);
    if (v5) out.append(value.properties);
    out.append(value.payload);
}

namespace {

void encode_acknowledgement(std::string& out, unsigned first_byte, std::uint16_t packet_identifier, reason_code reason,
                            std::string_view reason_string, protocol_version version) {
    if (is_v5(version) && !reason_string.empty()) {
        std::string body;
        core::byte_writer writer(body);
        writer.u16(packet_identifier);
        writer.u8(static_cast<std::uint8_t>(reason));
        reason_block(reason_string).append_to(body);
        append_header(out, first_byte, body.size());
        out.append(body);
        return;
    }
    const bool with_code = is_v5(version) && reason != reason_code::success;
    char raw[5] = {static_cast<char>(first_byte), with_code ? '\x03' : '\x02'};
    core::store_big_endian(raw + 2, packet_identifier);
    raw[4] = static_cast<char>(reason);
    out.append(raw, with_code ? 5 : 4);
}

} // namespace

void encode_puback(std::string& out, std::uint16_t packet_identifier, reason_code reason,
                   std::string_view reason_string, protocol_version version) {
    encode_acknowledgement(out, 0x40, packet_identifier, reason, reason_string, version);
}

void encode_pubcomp(std::string& out, std::uint16_t packet_identifier, reason_code reason, protocol_version version) {
    encode_acknowledgement(out, 0x70, packet_identifier, reason, {}, version);
}

void encode_pingresp(std::string& out) { out.append("\xD0\x00", 2); }

void encode_connack(std::string& out, const connack_packet& value, protocol_version version) {
    // 3.1 has no Session Present: its first byte is reserved.
    const bool present = value.session_present && version != protocol_version::v3_1;
    std::string body;
    core::byte_writer writer(body);
    writer.u8(present ? 1 : 0);
    if (is_v5(version)) {
        writer.u8(static_cast<std::uint8_t>(value.reason));
        property_block block;
        put_connack_properties(block, value);
        block.append_to(body);
    } else {
        writer.u8(static_cast<std::uint8_t>(to_return_code(value.reason)));
    }
    append_header(out, 0x20, body.size());
    out.append(body);
}

void encode_suback(std::string& out, const suback_packet& value, protocol_version version) {
    encode_list(out, 0x90, value.packet_identifier, value.reason_string, value.codes, version);
}

void encode_unsuback(std::string& out, const unsuback_packet& value, protocol_version version) {
    encode_list(out, 0xB0, value.packet_identifier, value.reason_string,
                is_v5(version) ? value.codes : std::string_view{}, version);
}

void encode_disconnect(std::string& out, reason_code reason, std::string_view reason_string, protocol_version version) {
    if (!is_v5(version)) return;
    std::string body;
    if (reason != reason_code::normal_disconnection || !reason_string.empty())
        body.push_back(static_cast<char>(reason));
    if (!reason_string.empty()) reason_block(reason_string).append_to(body);
    append_header(out, 0xE0, body.size());
    out.append(body);
}

} // namespace broker::mqtt
