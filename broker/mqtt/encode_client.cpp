// The packets that only clients send, and `encode` for any packet: what load generators and tests need.
#include "broker/mqtt/encoder.hpp"
#include "broker/mqtt/properties.hpp"
#include "broker/mqtt/wire.hpp"

namespace broker::mqtt {
namespace {

struct packet_writer {
    std::string& out;
    protocol_version version;

    bool v5() const noexcept { return version == protocol_version::v5; }

    void finish(unsigned first_byte, const std::string& body) const {
        out.push_back(static_cast<char>(first_byte));
        append_varint(out, static_cast<std::uint32_t>(body.size()));
        out.append(body);
    }
    static void block(std::string& body, std::string_view properties) {
        append_varint(body, static_cast<std::uint32_t>(properties.size()));
        body.append(properties);
    }
    static void text(std::string& properties, property_id id, std::string_view value) {
        core::byte_writer writer(properties);
        writer.u8(static_cast<std::uint8_t>(id));
        writer.text_u16(value);
    }

    static std::string connect_properties(const connect_packet& packet) {
        std::string properties;
        core::byte_writer writer(properties);
        const auto id = [&writer](property_id which) { writer.u8(static_cast<std::uint8_t>(which)); };
        if (packet.session_expiry_s != 0) {
            id(property_id::session_expiry_interval);
            writer.u32(packet.session_expiry_s);
        }
        if (packet.receive_maximum != 65'535) {
            id(property_id::receive_maximum);
            writer.u16(packet.receive_maximum);
        }
        if (packet.packet_bytes_max != 0xFFFFFFFF) {
            id(property_id::maximum_packet_size);
            writer.u32(packet.packet_bytes_max);
        }
        if (packet.topic_alias_maximum != 0) {
            id(property_id::topic_alias_maximum);
            writer.u16(packet.topic_alias_maximum);
        }
        if (packet.request_response_information) {
            id(property_id::request_response_information);
            writer.u8(1);
        }
        if (!packet.request_problem_information) {
            id(property_id::request_problem_information);
            writer.u8(0);
        }
        if (packet.authentication_method) text(properties, property_id::authentication_method, *packet.authentication_method);
        if (packet.authentication_data) text(properties, property_id::authentication_data, *packet.authentication_data);
        return properties;
    }

    static unsigned connect_flags(const connect_packet& packet) {
        unsigned flags = packet.clean_start ? 2U : 0U;
        if (packet.will)
            flags |= 4U | static_cast<unsigned>(packet.will->qos) << 3 | (packet.will->retain ? 0x20U : 0U);
        if (packet.password) flags |= 0x40U;
        if (packet.username) flags |= 0x80U;
        return flags;
    }

    void operator()(const std::monostate&) const {}

    void operator()(const connect_packet& packet) const {
        std::string body;
        core::byte_writer writer(body);
        writer.text_u16(version == protocol_version::v3_1 ? "MQIsdp" : "MQTT");
        writer.u8(static_cast<std::uint8_t>(version));
        writer.u8(static_cast<std::uint8_t>(connect_flags(packet)));
        writer.u16(packet.keep_alive_s);
        if (v5()) block(body, connect_properties(packet));
        writer.text_u16(packet.client_id);
        if (packet.will) {
            if (v5()) block(body, packet.will->properties);
            writer.text_u16(packet.will->topic);
            writer.text_u16(packet.will->payload);
        }
        if (packet.username) writer.text_u16(*packet.username);
        if (packet.password) writer.text_u16(*packet.password);
        finish(0x10, body);
    }

    void operator()(const connack_packet& packet) const { encode_connack(out, packet, version); }

    void operator()(const publish_packet& packet) const {
        outgoing_publish outgoing;
        outgoing.topic = packet.topic;
        outgoing.properties = packet.properties;
        outgoing.payload = packet.payload;
        outgoing.packet_identifier = packet.packet_identifier;
        outgoing.qos = packet.qos;
        outgoing.dup = packet.dup;
        outgoing.retain = packet.retain;
        encode_publish(out, outgoing, version);
    }

    template <class Acknowledgement>
    void acknowledgement(unsigned first_byte, const Acknowledgement& packet) const {
        std::string body;
        core::byte_writer writer(body);
        writer.u16(packet.packet_identifier);
        const bool with_text = v5() && !packet.reason_string.empty();
        if (with_text || (v5() && packet.reason != reason_code::success))
            writer.u8(static_cast<std::uint8_t>(packet.reason));
        if (with_text) {
            std::string properties;
            text(properties, property_id::reason_string, packet.reason_string);
            block(body, properties);
        }
        finish(first_byte, body);
    }
    void operator()(const puback_packet& packet) const { acknowledgement(0x40, packet); }
    void operator()(const pubrec_packet& packet) const { acknowledgement(0x50, packet); }
    void operator()(const pubrel_packet& packet) const { acknowledgement(0x62, packet); }
    void operator()(const pubcomp_packet& packet) const { acknowledgement(0x70, packet); }

    void operator()(const subscribe_packet& packet) const {
        std::string body;
        core::byte_writer(body).u16(packet.packet_identifier);
        if (v5()) {
            std::string properties;
            if (packet.subscription_identifier != 0) {
                properties.push_back(static_cast<char>(property_id::subscription_identifier));
                append_varint(properties, packet.subscription_identifier);
            }
            block(body, properties);
        }
        body.append(packet.filters);
        finish(0x82, body);
    }
    void operator()(const suback_packet& packet) const { encode_suback(out, packet, version); }
    void operator()(const unsubscribe_packet& packet) const {
        std::string body;
        core::byte_writer(body).u16(packet.packet_identifier);
        if (v5()) block(body, {});
        body.append(packet.filters);
        finish(0xA2, body);
    }
    void operator()(const unsuback_packet& packet) const { encode_unsuback(out, packet, version); }
    void operator()(const pingreq_packet&) const { out.append("\xC0\x00", 2); }
    void operator()(const pingresp_packet&) const { encode_pingresp(out); }

    void operator()(const disconnect_packet& packet) const {
        std::string body;
        std::string properties;
        if (packet.session_expiry_s) {
            core::byte_writer writer(properties);
            writer.u8(static_cast<std::uint8_t>(property_id::session_expiry_interval));
            writer.u32(*packet.session_expiry_s);
        }
        if (!packet.reason_string.empty()) text(properties, property_id::reason_string, packet.reason_string);
        if (v5() && (packet.reason != reason_code::normal_disconnection || !properties.empty()))
            body.push_back(static_cast<char>(packet.reason));
        if (v5() && !properties.empty()) block(body, properties);
        finish(0xE0, body);
    }
    void operator()(const auth_packet& packet) const {
        std::string properties;
        if (!packet.method.empty()) text(properties, property_id::authentication_method, packet.method);
        if (!packet.data.empty()) text(properties, property_id::authentication_data, packet.data);
        if (!packet.reason_string.empty()) text(properties, property_id::reason_string, packet.reason_string);
        std::string body;
        if (packet.reason != reason_code::success || !properties.empty()) {
            body.push_back(static_cast<char>(packet.reason));
            block(body, properties);
        }
        finish(0xF0, body);
    }
};

} // namespace

void encode(std::string& out, const packet& value, protocol_version version) {
    std::visit(packet_writer{out, version}, value);
}

} // namespace broker::mqtt
