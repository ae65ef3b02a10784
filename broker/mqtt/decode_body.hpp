// Internal to the decoder: one packet's body while it is being read, and the functions that read each type.
#pragma once

#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/properties.hpp"
#include "broker/mqtt/utf8.hpp"
#include "broker/mqtt/wire.hpp"

namespace broker::mqtt {

struct packet_body {
    core::byte_reader reader;
    packet_type type;
    std::uint8_t flags;
    protocol_version version;
    decode_error& error;

    bool is_v5() const noexcept { return version == protocol_version::v5; }

    bool fail(reason_code code, std::string_view text) noexcept {
        if (error.code == reason_code::success) {
            error.code = code;
            error.text = text;
        }
        return false;
    }
    bool malformed(std::string_view text) noexcept { return fail(reason_code::malformed_packet, text); }

    /// A legal MQTT string, or the packet is malformed.
    bool text(std::string_view& out, std::string_view complaint) noexcept {
        out = reader.text_u16();
        return (reader.ok() && is_mqtt_string(out)) || malformed(complaint);
    }
    /// Never 0 ([MQTT311-2.3.1-1], [MQTT5-2.2.1-3]).
    bool identifier(std::uint16_t& out) noexcept {
        out = reader.u16();
        if (!reader.ok()) return malformed("packet cut short");
        return out != 0 || fail(reason_code::protocol_error, "packet identifier 0");
    }
    /// A property block with its length.
    bool block(std::string_view& out) noexcept {
        const std::uint32_t size = read_varint(reader);
        out = reader.text(size);
        return reader.ok() || malformed("property length does not fit the packet");
    }
    /// Hands each property of a block to `use`.
    template <class Use> bool each_property(std::string_view raw, packet_type place, Use use) {
        property_reader properties(raw, place);
        for (property one; properties.next(one);) use(one);
        if (properties.error() != reason_code::success) return fail(properties.error(), properties.error_text());
        return error.code == reason_code::success;
    }
    /// Reads block and properties of a packet that has nothing but a reason string for us.
    bool reason_string(std::string_view& out) {
        std::string_view raw;
        return block(raw) && each_property(raw, type, [&out](const property& one) {
                   if (one.id == property_id::reason_string) out = one.text;
               });
    }
    bool nothing_left() noexcept { return reader.done() || malformed("bytes after the end of the packet"); }
    bool allowed(reason_code code) noexcept;
};

bool decode_connect(packet_body& body, packet& out);
bool decode_connack(packet_body& body, packet& out);
bool decode_subscribe(packet_body& body, packet& out);
bool decode_suback(packet_body& body, packet& out);
bool decode_unsubscribe(packet_body& body, packet& out);
bool decode_unsuback(packet_body& body, packet& out);

} // namespace broker::mqtt
