#include "broker/tenant/alarm.hpp"

#include "common/core/clock.hpp"
#include "common/core/json_writer.hpp"

#include <array>

namespace broker::tenant {
namespace {

struct words {
    std::string_view type;
    std::string_view text;
};

constexpr std::array<words, alarm_count> table{{
    {"", ""},
    {"c8y_MqttService_MaximumPacketSize_Connect", "A client sent a CONNECT that is larger than this tenant allows"},
    {"c8y_MqttService_MaximumPacketSize_Publish", "A client sent a PUBLISH that is larger than this tenant allows"},
    {"c8y_MqttService_MaximumPacketSize_Subscribe", "A client sent a SUBSCRIBE that is larger than this tenant allows"},
    {"c8y_MqttService_MaximumPacketSize_Unsubscribe",
     "A client sent an UNSUBSCRIBE that is larger than this tenant allows"},
    {"c8y_MqttService_TenantConnectionsLimitExceeded", "Too many MQTT clients are connected; one more was refused"},
    {"c8y_MqttService_TenantConnectionRateLimitExceeded", "MQTT clients connect too often; some were refused"},
    {"c8y_MqttService_IncomingPublishRateLimitExceeded", "MQTT clients publish too fast; messages were refused"},
    {"c8y_MqttService_OutgoingPublishRateLimitExceeded",
     "More messages for MQTT clients than may be delivered; some wait, those with QoS 0 were dropped"},
}};

constexpr std::size_t text_bytes_max = 1'024;

/// At most so many bytes, not ending inside a character.
std::string_view cut(std::string_view text) noexcept {
    if (text.size() <= text_bytes_max) return text;
    std::size_t end = text_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
}

} // namespace

std::string_view type_of(alarm what) noexcept { return table[static_cast<std::size_t>(what)].type; }

alarm alarm_of(session::cause why, mqtt::packet_type packet) noexcept {
    using session::cause;
    switch (why) {
    case cause::connections: return alarm::connections;
    case cause::connect_rate: return alarm::connect_rate;
    case cause::publish_rate:
    case cause::publish_rate_per_client: return alarm::publish_rate;
    case cause::delivery_rate: return alarm::delivery_rate;
    case cause::packet_bytes: break;
    default: return alarm::none;
    }
    switch (packet) {
    case mqtt::packet_type::connect: return alarm::packet_bytes_connect;
    case mqtt::packet_type::publish: return alarm::packet_bytes_publish;
    case mqtt::packet_type::subscribe: return alarm::packet_bytes_subscribe;
    case mqtt::packet_type::unsubscribe: return alarm::packet_bytes_unsubscribe;
    default: return alarm::none;
    }
}

std::string alarm_json(alarm what, std::uint64_t unsaid, std::int64_t now_ms) {
    std::string text(table[static_cast<std::size_t>(what)].text);
    if (unsaid > 0) text += " (and " + std::to_string(unsaid) + " times since the last alarm)";
    core::json_writer out;
    out.object().member("type", type_of(what)).member("severity", "MAJOR").member("text", text);
    return std::move(out.member("time", core::iso_time(now_ms)).end()).text();
}

std::string error_json(const session::refusal& what, std::string_view client_id, std::int64_t now_ms) {
    core::json_writer out;
    out.object().member("error", "mqtt-service/" + std::string(session::error_of(what.why)));
    out.member("message", cut(what.text)).member("clientId", client_id);
    if (!what.topic.empty()) out.member("topic", cut(what.topic));
    if (what.packet != mqtt::packet_type::none) out.member("packetType", mqtt::name_of(what.packet));
    if (what.packet_identifier != 0) out.member("messageId", what.packet_identifier);
    out.member("reasonCode", static_cast<unsigned>(what.reason)).member("time", core::iso_time(now_ms));
    return std::move(out.end()).text();
}

} // namespace broker::tenant
