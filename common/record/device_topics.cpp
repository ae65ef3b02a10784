#include "common/record/device_topics.hpp"

namespace record {

namespace {

/// As one level that holds no wildcard.
void append_encoded(std::string& out, std::string_view client_id) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : client_id) {
        if (c != '/' && c != '+' && c != '#' && c != '%') {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
}

} // namespace

void append_to_device(std::string& out, std::string_view client_id, std::string_view topic) {
    out.append(to_device_prefix);
    append_encoded(out, client_id);
    out.append("/").append(topic);
}

void append_error_topic(std::string& out, std::string_view client_id) {
    out.append(error_prefix);
    append_encoded(out, client_id);
}

std::string_view mqtt_topic_of(std::string_view store_topic) noexcept {
    if (store_topic.starts_with(error_prefix)) return error_topic;
    if (!store_topic.starts_with(to_device_prefix)) return store_topic;
    const auto slash = store_topic.find('/', to_device_prefix.size());
    return slash == std::string_view::npos ? store_topic : store_topic.substr(slash + 1);
}

to_device_fault check_to_device(const fields& message) noexcept {
    if (message.key_is_client_id && message.client_id.empty()) return to_device_fault::empty_client_id;
    if (!message.topic) return to_device_fault::missing_topic;
    if (message.topic->empty()) return to_device_fault::empty_topic;
    const auto key = message.effective_key();
    if (key.empty()) return to_device_fault::no_key;
    const auto wanted = message.client_id.empty() ? *message.topic : message.client_id;
    return key == wanted ? to_device_fault::none : to_device_fault::invalid_key;
}

std::string_view alarm_type(to_device_fault fault) noexcept {
    switch (fault) {
    case to_device_fault::none: return {};
    case to_device_fault::no_key: return "c8y_MqttService_ToDevice_NoKey";
    case to_device_fault::invalid_key: return "c8y_MqttService_ToDevice_InvalidKey";
    case to_device_fault::empty_client_id: return "c8y_MqttService_ToDevice_EmptyClientId";
    case to_device_fault::missing_topic: return "c8y_MqttService_ToDevice_MissingTopic";
    case to_device_fault::empty_topic: return "c8y_MqttService_ToDevice_EmptyTopic";
    }
    return {};
}

} // namespace record
