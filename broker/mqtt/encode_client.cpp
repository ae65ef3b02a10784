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

    static std::string connect_properties(const connect_packet& value) {
        std::string properties;
        core::byte_writer writer(properties);
        const auto id = [&writer](property_id which) { writer.u8(static_cast<std::uint8_t>(which)); };
        if (value.session_expiry_s != 0) {
            id(property_id::session_expiry_interval);
            writer.u32(value.session_expiry_s);
        }
        if (value.receive_maximum != 65'535) {
            id(property_id::receive_maximum);
            writer.u16(value.receive_maximum);
        }
        if (value.packet_bytes_max != 0xFFFFFFFF) {
            id(property_id::maximum_packet_size);
            writer.u32(value.packet_bytes_max);
        }
        if (value.topic_alias_maximum != 0) {
            id(property_id::topic_alias_maximum);
            writer.u16(value.topic_alias_maximum);
        }
        if (value.request_response_information) {
            id(property_id::request_response_information);
            writer.u8(1);
        }
        if (!value.request_problem_information) {
            id(property_id::request_problem_information);
            writer.u8(0);
        }
        if (value.authentication_method)
            text(properties, property_id::authentication_method, *value.authentication_method);
        if (value.authentication_data) text(properties, property_id::authentication_data, *value.authentication_data);
        return properties;
    }

    static unsigned connect_flags(const connect_packet& value) {
        unsigned flags = value.clean_start ? 2U : 0U;
        if (value.will) flags |= 4U | static_cast<unsigned>(value.will->qos) << 3 | (value.will->retain ? 0x20U : 0U);
        if (value.password) flags |= 0x40U;
        if (value.username) flags |= 0x80U;
        return flags;
    }

    void operator()(const std::monostate&) const {}

    void operator()(const connect_packet& value) const {
        std::string body;
        core::byte_writer writer(body);
        writer.text_u16(version == protocol_version::v3_1 ? "MQIsdp" : "MQTT");
        writer.u8(static_cast<std::uint8_t>(version));
        writer.u8(static_cast<std::uint8_t>(connect_flags(value)));
        writer.u16(value.keep_alive_s);
        if (v5()) block(body, connect_properties(value));
        writer.text_u16(value.client_id);
        if (value.will) {
            if (v5()) block(body, value.will->properties);
            writer.text_u16(value.will->topic);
            writer.text_u16(value.will->payload);
        }
        if (value.username) writer.text_u16(*value.username);
        if (value.password) writer.text_u16(*value.password);
        finish(0x10, body);
    }

    void operator()(const connack_packet& value) const { encode_connack(out, value, version); }

    void operator()(const publish_packet& value) const {
        outgoing_publish outgoing;
        outgoing.topic = value.topic;
        outgoing.properties = value.properties;
        outgoing.payload = value.payload;
        outgoing.packet_identifier = value.packet_identifier;
        outgoing.qos = value.qos;
        outgoing.dup = value.dup;
        outgoing.retain = value.retain;
        encode_publish(out, outgoing, version);
    }

    template <class Acknowledgement> void acknowledgement(unsigned first_byte, const Acknowledgement& value) const {
        std::string body;
        core::byte_writer writer(body);
        writer.u16(value.packet_identifier);
        const bool with_text = v5() && !value.reason_string.empty();
        if (with_text || (v5() && value.reason != reason_code::success))
            writer.u8(static_cast<std::uint8_t>(value.reason));
        if (with_text) {
            std::string properties;
            text(properties, property_id::reason_string, value.reason_string);
            block(body, properties);
        }
        finish(first_byte, body);
    }
    void operator()(const puback_packet& value) const { acknowledgement(0x40, value); }
    void operator()(const pubrec_packet& value) const { acknowledgement(0x50, value); }
    void operator()(const pubrel_packet& value) const { acknowledgement(0x62, value); }
    void operator()(const pubcomp_packet& value) const { acknowledgement(0x70, value); }

    void operator()(const subscribe_packet& value) const {
        std::string body;
        core::byte_writer(body).u16(value.packet_identifier);
        if (v5()) {
            std::string properties;
            if (value.subscription_identifier != 0) {
                properties.push_back(static_cast<char>(property_id::subscription_identifier));
                append_varint(properties, value.subscription_identifier);
            }
            block(body, properties);
        }
        body.append(value.filters);
        finish(0x82, body);
    }
    void operator()(const suback_packet& value) const { encode_suback(out, value, version); }
    void operator()(const unsubscribe_packet& value) const {
        std::string body;
        core::byte_writer(body).u16(value.packet_identifier);
        if (v5()) block(body, {});
        body.append(value.filters);
        finish(0xA2, body);
    }
    void operator()(const unsuback_packet& value) const { encode_unsuback(out, value, version); }
    void operator()(const pingreq_packet&) const { out.append("\xC0\x00", 2); }
    void operator()(const pingresp_packet&) const { encode_pingresp(out); }

    void operator()(const disconnect_packet& value) const {
        std::string body;
        std::string properties;
        if (value.session_expiry_s) {
            core::byte_writer writer(properties);
            writer.u8(static_cast<std::uint8_t>(property_id::session_expiry_interval));
            writer.u32(*value.session_expiry_s);
        }
        if (!value.reason_string.empty()) text(properties, property_id::reason_string, value.reason_string);
        if (v5() && (value.reason != reason_code::normal_disconnection || !properties.empty()))
            body.push_back(static_cast<char>(value.reason));
        if (v5() && !properties.empty()) block(body, properties);
        finish(0xE0, body);
    }
    void operator()(const auth_packet& value) const {
        std::string properties;
        if (!value.method.empty()) text(properties, property_id::authentication_method, value.method);
        if (!value.data.empty()) text(properties, property_id::authentication_data, value.data);
        if (!value.reason_string.empty()) text(properties, property_id::reason_string, value.reason_string);
        std::string body;
        if (value.reason != reason_code::success || !properties.empty()) {
            body.push_back(static_cast<char>(value.reason));
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
