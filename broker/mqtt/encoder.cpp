#include "broker/mqtt/encoder.hpp"

#include "broker/mqtt/properties.hpp"
#include "broker/mqtt/wire.hpp"

#include <algorithm>
#include <cstring>

namespace broker::mqtt {
namespace {

bool is_v5(protocol_version version) noexcept {
    return version == protocol_version::v5;
}

std::size_t publish_remaining(const outgoing_publish& packet, bool v5) noexcept {
    std::size_t size = 2 + packet.topic.size() + packet.payload.size() + (packet.qos == 0 ? 0 : 2);
    if (v5) size += varint_size(static_cast<std::uint32_t>(packet.properties.size())) + packet.properties.size();
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

void put_connack_properties(property_block& block, const connack_packet& packet) {
    const auto flag = [&block](property_id id, const std::optional<bool>& value) {
        if (value) block.u8(id, *value ? 1 : 0);
    };
    if (packet.session_expiry_s) block.u32(property_id::session_expiry_interval, *packet.session_expiry_s);
    if (packet.receive_maximum) block.u16(property_id::receive_maximum, *packet.receive_maximum);
    if (packet.maximum_qos) block.u8(property_id::maximum_qos, *packet.maximum_qos);
    flag(property_id::retain_available, packet.retain_available);
    if (packet.packet_bytes_max) block.u32(property_id::maximum_packet_size, *packet.packet_bytes_max);
    block.text(property_id::assigned_client_identifier, packet.assigned_client_id);
    if (packet.topic_alias_maximum) block.u16(property_id::topic_alias_maximum, *packet.topic_alias_maximum);
    block.text(property_id::reason_string, packet.reason_string);
    flag(property_id::wildcard_subscription_available, packet.wildcard_subscription_available);
    flag(property_id::subscription_identifier_available, packet.subscription_identifiers_available);
    flag(property_id::shared_subscription_available, packet.shared_subscription_available);
    if (packet.server_keep_alive_s) block.u16(property_id::server_keep_alive, *packet.server_keep_alive_s);
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

std::size_t encoded_size(const outgoing_publish& packet, protocol_version version) noexcept {
    const std::size_t remaining = publish_remaining(packet, is_v5(version));
    if (remaining > varint_max || packet.topic.size() > 65'535) return 0;
    return 1 + varint_size(static_cast<std::uint32_t>(remaining)) + remaining;
}

void encode_publish(std::string& out, const outgoing_publish& packet, protocol_version version) {
    const bool v5 = is_v5(version);
    const unsigned first = 0x30U | (packet.dup ? 8U : 0U) | static_cast<unsigned>(packet.qos) << 1 | (packet.retain ? 1U : 0U);
    char raw[8]; // fixed header and topic length; then identifier and property length
    raw[0] = static_cast<char>(first);
    std::size_t size = 1 + store_varint(raw + 1, static_cast<std::uint32_t>(publish_remaining(packet, v5)));
    core::store_big_endian(raw + size, static_cast<std::uint16_t>(packet.topic.size()));
    out.append(raw, size + 2);
    out.append(packet.topic);
    size = 0;
    if (packet.qos != 0) {
        core::store_big_endian(raw, packet.packet_identifier);
        size = 2;
    }
    if (v5) size += store_varint(raw + size, static_cast<std::uint32_t>(packet.properties.size()));
    out.append(raw, size);
    if (v5) out.append(packet.properties);
    out.append(packet.payload);
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

void encode_puback(std::string& out, std::uint16_t packet_identifier, reason_code reason, std::string_view reason_string,
                   protocol_version version) {
    encode_acknowledgement(out, 0x40, packet_identifier, reason, reason_string, version);
}

void encode_pubcomp(std::string& out, std::uint16_t packet_identifier, reason_code reason, protocol_version version) {
    encode_acknowledgement(out, 0x70, packet_identifier, reason, {}, version);
}

void encode_pingresp(std::string& out) {
    out.append("\xD0\x00", 2);
}

void encode_connack(std::string& out, const connack_packet& packet, protocol_version version) {
    // 3.1 has no Session Present: its first byte is reserved.
    const bool present = packet.session_present && version != protocol_version::v3_1;
    std::string body;
    core::byte_writer writer(body);
    writer.u8(present ? 1 : 0);
    if (is_v5(version)) {
        writer.u8(static_cast<std::uint8_t>(packet.reason));
        property_block block;
        put_connack_properties(block, packet);
        block.append_to(body);
    } else {
        writer.u8(static_cast<std::uint8_t>(to_return_code(packet.reason)));
    }
    append_header(out, 0x20, body.size());
    out.append(body);
}

void encode_suback(std::string& out, const suback_packet& packet, protocol_version version) {
    encode_list(out, 0x90, packet.packet_identifier, packet.reason_string, packet.codes, version);
}

void encode_unsuback(std::string& out, const unsuback_packet& packet, protocol_version version) {
    encode_list(out, 0xB0, packet.packet_identifier, packet.reason_string,
                is_v5(version) ? packet.codes : std::string_view{}, version);
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
