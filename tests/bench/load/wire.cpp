#include "tests/bench/load/wire.hpp"

#include "common/core/bytes.hpp"

namespace bench {
namespace {

std::string with_header(std::uint8_t first, std::string_view body) {
    std::string out(1, static_cast<char>(first));
    std::size_t left = body.size();
    do {
        auto byte = static_cast<std::uint8_t>(left & 0x7Fu);
        left >>= 7;
        if (left != 0) byte |= 0x80u;
        out.push_back(static_cast<char>(byte));
    } while (left != 0);
    return out.append(body);
}

} // namespace

std::string connect_packet(std::string_view client_id, std::string_view user, std::string_view password,
                           std::uint16_t keep_alive_s) {
    std::string body;
    core::byte_writer write(body);
    write.text_u16("MQTT");
    write.u8(4);
    // v3.1.1 §3.1.2.3: clean session, and user name and password where given.
    write.u8(
        static_cast<std::uint8_t>(0x02 | (user.empty() ? 0 : 0x80) | (user.empty() || password.empty() ? 0 : 0x40)));
    write.u16(keep_alive_s);
    write.text_u16(client_id);
    if (!user.empty()) write.text_u16(user);
    if (!user.empty() && !password.empty()) write.text_u16(password);
    return with_header(0x10, body);
}

std::string subscribe_packet(std::uint16_t identifier, const std::vector<std::string>& filters, unsigned qos) {
    std::string body;
    core::byte_writer write(body);
    write.u16(identifier);
    for (const auto& filter : filters) {
        write.text_u16(filter);
        write.u8(static_cast<std::uint8_t>(qos));
    }
    return with_header(0x82, body);
}

publish_template make_publish(std::string_view topic, unsigned qos, std::string_view payload) {
    std::string body;
    core::byte_writer write(body);
    write.text_u16(topic);
    if (qos > 0) write.u16(0);
    write.text(payload);
    publish_template out;
    out.bytes = with_header(static_cast<std::uint8_t>(0x30u | qos << 1), body);
    out.payload_at = out.bytes.size() - payload.size();
    out.identifier_at = qos > 0 ? out.payload_at - 2 : 0;
    return out;
}

publish_view read_publish(const packet& from) noexcept {
    core::byte_reader read(core::as_bytes({from.body, from.body_bytes}));
    publish_view out;
    out.topic = read.text_u16();
    if (from.qos() > 0) out.identifier = read.u16();
    out.good = read.ok();
    out.payload = core::as_text(read.rest());
    return out;
}

} // namespace bench
