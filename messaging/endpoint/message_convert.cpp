#include "messaging/endpoint/message_convert.hpp"

#include "common/notification2/frame.hpp"
#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"
#include "common/record/properties.hpp"

#include <simdjson.h>

namespace messaging::endpoint {

namespace {

namespace n2 = notification2;

/// MQTT texts have a two-byte length; 0xFFFF is a mark in the record's lengths.
constexpr std::size_t text_bytes_max = 65'534;
constexpr std::int32_t packet_identifier_max = 65'535;

bool is_utf8(std::string_view text) noexcept { return simdjson::validate_utf8(text.data(), text.size()); }

std::string check_text(std::string_view name, std::string_view text) {
    if (text.size() > text_bytes_max) return std::string(name) + " is longer than 65,534 bytes";
    if (text.find('\0') != std::string_view::npos) return std::string(name) + " holds U+0000, which MQTT forbids";
    return {};
}

std::string check_topic(std::string_view name, std::string_view text) {
    if (text.empty()) return std::string(name) + " is empty";
    if (record::has_wildcard(text)) return std::string(name) + " holds a wildcard";
    return check_text(name, text);
}

/// What an MQTT 5 subscriber could not be sent must not come in (MQTT 5.0 §1.5.4, §3.3.2.3).
std::string check(const n2::mqtt_service_message& message, std::string_view store_topic) {
    std::string wrong;
    if (message.client_id) wrong = check_text("clientId", *message.client_id);
    if (wrong.empty() && message.content_type) wrong = check_text("contentType", *message.content_type);
    if (wrong.empty() && message.response_topic) wrong = check_topic("responseTopic", *message.response_topic);
    if (wrong.empty() && message.topic && *message.topic != store_topic) wrong = check_topic("topic", *message.topic);
    if (wrong.empty() && message.correlation_data && message.correlation_data->size() > text_bytes_max)
        wrong = "correlationData is longer than 65,534 bytes";
    if (!wrong.empty() || !message.user_properties) return wrong;
    for (const auto& [name, value] : *message.user_properties) {
        wrong = check_text("a user property's name", name);
        if (wrong.empty()) wrong = check_text("a user property's value", value);
        if (!wrong.empty()) return wrong;
    }
    return {};
}

std::string properties_of(const n2::mqtt_service_message& message) {
    std::string wire;
    if (message.format) record::append_payload_format(wire, static_cast<std::uint8_t>(*message.format));
    if (message.content_type) record::append_property(wire, record::property::content_type, *message.content_type);
    if (message.response_topic)
        record::append_property(wire, record::property::response_topic, *message.response_topic);
    if (message.correlation_data)
        record::append_property(wire, record::property::correlation_data, *message.correlation_data);
    if (message.user_properties)
        for (const auto& [name, value] : *message.user_properties) record::append_user_property(wire, name, value);
    return wire;
}

void add_property(const record::property_value& from, n2::mqtt_service_message& to) {
    switch (from.id) {
    case record::property::payload_format_indicator:
        to.format = from.number == 0 ? n2::payload_format::unspecified : n2::payload_format::utf_8;
        break;
    case record::property::content_type: to.content_type = from.text; break;
    case record::property::response_topic: to.response_topic = from.text; break;
    case record::property::correlation_data: to.correlation_data = from.text; break;
    case record::property::user_property:
        if (!to.user_properties) to.user_properties.emplace();
        to.user_properties->emplace_back(from.name, from.text);
        break;
    }
}

/// A device cannot speak for the service: what it sent under these names itself is left out.
void add_transport_properties(const record::fields& from, n2::mqtt_service_message& to) {
    if (to.user_properties)
        std::erase_if(*to.user_properties, [](const auto& one) { return one.first.starts_with("tx."); });
    else
        to.user_properties.emplace();
    auto& properties = *to.user_properties;
    if (!from.user.empty()) properties.emplace_back("tx.clientUsername", from.user);
    if (from.authenticated_by == record::authentication::basic) properties.emplace_back("tx.clientAuthType", "BASIC");
    if (from.authenticated_by == record::authentication::x509) properties.emplace_back("tx.clientAuthType", "X509");
    if (from.will) properties.emplace_back("tx.lastWillMessage", "true");
    if (properties.empty()) to.user_properties.reset();
}

bool texts_are_utf8(const n2::mqtt_service_message& message) noexcept {
    const auto good = [](const std::optional<std::string_view>& text) { return !text || is_utf8(*text); };
    if (!good(message.client_id) || !good(message.content_type) || !good(message.response_topic) ||
        !good(message.topic))
        return false;
    if (message.user_properties)
        for (const auto& [name, value] : *message.user_properties)
            if (!is_utf8(name) || !is_utf8(value)) return false;
    return true;
}

} // namespace

std::string record_from_message(const n2::mqtt_service_message& message, std::string_view store_topic,
                                std::int64_t now_ms, std::string& out) {
    auto wrong = check(message, store_topic);
    if (!wrong.empty()) return wrong;
    const auto properties = properties_of(message);
    record::fields fields;
    fields.qos = 1;
    fields.dup = message.dup_flag;
    fields.authenticated_by = record::authentication::application;
    fields.arrival_ms = now_ms;
    if (message.message_id > 0 && message.message_id <= packet_identifier_max)
        fields.packet_identifier = static_cast<std::uint16_t>(message.message_id);
    fields.client_id = message.client_id.value_or(std::string_view{});
    fields.key_is_client_id = !fields.client_id.empty();
    if (message.topic && *message.topic != store_topic) fields.topic = message.topic;
    if (store_topic == record::to_device) { // the format has no key; ref A.11 says what it must be
        fields.key_is_client_id = message.client_id.has_value();
        if (!fields.key_is_client_id && fields.topic) fields.key = *fields.topic;
    }
    fields.properties = properties;
    fields.payload = message.payload;
    record::append(out, fields);
    return {};
}

std::string record_from_notification(std::string_view text, std::int64_t now_ms, std::string& out) {
    if (!is_utf8(text)) return "the notification is not UTF-8";
    const auto whole = "x\n" + std::string(text); // any acknowledgement header does to read the rest
    const auto parsed = n2::parse_notification(whole);
    if (!parsed) return parsed.error().message();
    const auto source = n2::parse_description(parsed->description).source;
    if (!parsed->description.starts_with('/') || source.empty() || source.size() > text_bytes_max)
        return "the first line must be /<tenant>/<api>/<source>";
    if (parsed->action.empty()) return "the second line must be the action";
    record::fields fields;
    fields.qos = 1;
    fields.authenticated_by = record::authentication::application;
    fields.arrival_ms = now_ms;
    fields.key = source;
    fields.payload = text;
    record::append(out, fields);
    return {};
}

bool append_message(std::string& out, core::byte_span bytes, std::string_view store_topic, extra_properties extra) {
    const auto fields = record::parse(bytes);
    if (!fields) return false;
    n2::mqtt_service_message message;
    if (!fields->client_id.empty()) message.client_id = fields->client_id;
    message.dup_flag = fields->dup;
    message.message_id = fields->packet_identifier;
    message.topic = fields->topic.value_or(record::mqtt_topic_of(store_topic));
    message.payload = fields->payload;
    record::property_reader properties(fields->properties);
    while (const auto one = properties.next()) add_property(*one, message);
    if (extra == extra_properties::from_device) add_transport_properties(*fields, message);
    if (!properties.ok() || !texts_are_utf8(message)) return false;
    n2::append_avro(out, message);
    return true;
}

bool append_notification_frame(std::string& frame, std::string_view ack_header, core::byte_span bytes) {
    const auto fields = record::parse(bytes);
    if (!fields || !is_utf8(fields->payload)) return false;
    frame.append(ack_header).append(1, '\n').append(fields->payload);
    return n2::parse_notification(frame).has_value();
}

} // namespace messaging::endpoint
