#include "common/record/record.hpp"

namespace record {

namespace {
constexpr std::uint16_t key_same_as_client_id = 0xFFFF;
constexpr std::uint8_t flag_dup = 0x04;
constexpr std::uint8_t flag_will = 0x08;
constexpr std::uint8_t flag_topic = 0x40;
constexpr std::uint8_t flag_properties = 0x80;
} // namespace

std::size_t encoded_size(const fields& from) noexcept {
    return least_bytes + (from.key_is_client_id ? 0 : from.key.size()) + from.client_id.size() + from.user.size() +
           (from.topic ? 2 + from.topic->size() : 0) + (from.properties.empty() ? 0 : 4 + from.properties.size()) +
           from.payload.size();
}

void append(std::string& out, const fields& from) {
    core::byte_writer write(out);
    write.u8(version);
    write.u8(static_cast<std::uint8_t>((from.qos & 3) | (from.dup ? flag_dup : 0) | (from.will ? flag_will : 0) |
                                       (static_cast<unsigned>(from.authenticated_by) << 4) |
                                       (from.topic ? flag_topic : 0) |
                                       (from.properties.empty() ? 0 : flag_properties)));
    write.u64(static_cast<std::uint64_t>(from.arrival_ms));
    write.u16(from.packet_identifier);
    if (from.key_is_client_id)
        write.u16(key_same_as_client_id);
    else
        write.text_u16(from.key);
    write.text_u16(from.client_id);
    write.text_u16(from.user);
    if (from.topic) write.text_u16(*from.topic);
    if (!from.properties.empty()) {
        write.u32(static_cast<std::uint32_t>(from.properties.size()));
        write.text(from.properties);
    }
    write.text(from.payload);
}

std::optional<fields> parse(core::byte_span bytes) noexcept {
    core::byte_reader read(bytes);
    if (read.u8() != version) return std::nullopt;
    fields out;
    const auto flags = read.u8();
    out.qos = flags & 3;
    out.dup = (flags & flag_dup) != 0;
    out.will = (flags & flag_will) != 0;
    out.authenticated_by = static_cast<authentication>((flags >> 4) & 3);
    out.arrival_ms = static_cast<std::int64_t>(read.u64());
    out.packet_identifier = read.u16();
    if (const auto length = read.u16(); length == key_same_as_client_id)
        out.key_is_client_id = true;
    else
        out.key = read.text(length);
    out.client_id = read.text_u16();
    out.user = read.text_u16();
    if ((flags & flag_topic) != 0) out.topic = read.text_u16();
    if ((flags & flag_properties) != 0) out.properties = read.text(read.u32());
    out.payload = core::as_text(read.rest());
    if (!read.ok() || out.qos == 3) return std::nullopt;
    return out;
}

} // namespace record
