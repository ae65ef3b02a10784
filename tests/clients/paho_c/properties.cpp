#include "tests/clients/paho_c/properties.hpp"

namespace paho_c {
namespace {

MQTTLenString view_of(std::string& text) { return {static_cast<int>(text.size()), text.data()}; }

std::string text_of(const MQTTLenString& from) { return {from.data, static_cast<std::size_t>(from.len)}; }

std::optional<std::string> text_of(MQTTProperties& from, MQTTPropertyCodes code) {
    const MQTTProperty* found = MQTTProperties_getProperty(&from, code);
    if (found == nullptr) return std::nullopt;
    return text_of(found->value.data);
}

} // namespace

library_properties::library_properties(const message_properties& from) {
    for (auto [key, value] : from.user) {
        MQTTProperty pair{};
        pair.identifier = MQTTPROPERTY_CODE_USER_PROPERTY;
        pair.value.data = view_of(key);
        pair.value.value = view_of(value);
        MQTTProperties_add(&properties_, &pair);
    }
    if (from.content_type) add_text(MQTTPROPERTY_CODE_CONTENT_TYPE, *from.content_type);
    if (from.response_topic) add_text(MQTTPROPERTY_CODE_RESPONSE_TOPIC, *from.response_topic);
    if (from.correlation_data) add_text(MQTTPROPERTY_CODE_CORRELATION_DATA, *from.correlation_data);
    if (from.payload_format) {
        MQTTProperty indicator{};
        indicator.identifier = MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR;
        indicator.value.byte = static_cast<unsigned char>(*from.payload_format);
        MQTTProperties_add(&properties_, &indicator);
    }
}

void library_properties::add_text(MQTTPropertyCodes code, std::string text) {
    MQTTProperty property{};
    property.identifier = code;
    property.value.data = view_of(text);
    MQTTProperties_add(&properties_, &property);
}

message_properties read_message(MQTTProperties& from) {
    message_properties read;
    for (int n = 0; n < from.count; ++n)
        if (from.array[n].identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
            read.user.emplace_back(text_of(from.array[n].value.data), text_of(from.array[n].value.value));
    read.content_type = text_of(from, MQTTPROPERTY_CODE_CONTENT_TYPE);
    read.response_topic = text_of(from, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
    read.correlation_data = text_of(from, MQTTPROPERTY_CODE_CORRELATION_DATA);
    if (MQTTProperties_hasProperty(&from, MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR) != 0)
        read.payload_format = MQTTProperties_getNumericValue(&from, MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR);
    return read;
}

announcement read_connack(MQTTProperties& from) {
    announcement read;
    for (int n = 0; n < from.count; ++n) {
        const MQTTPropertyCodes code = from.array[n].identifier;
        if (code == MQTTPROPERTY_CODE_ASSIGNED_CLIENT_IDENTIFER) // the library's spelling
            read.assigned_client_id = text_of(from.array[n].value.data);
        else if (MQTTProperty_getType(code) <= MQTTPROPERTY_TYPE_VARIABLE_BYTE_INTEGER)
            read.numbers[code] = MQTTProperties_getNumericValue(&from, code);
    }
    return read;
}

} // namespace paho_c
