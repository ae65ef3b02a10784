// MQTT 5 properties of a message as plain values, to and from the library's form.
#pragma once

// MQTTProperties.h alone does not say that it is C.
#include <MQTTAsync.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace paho_c {

struct message_properties {
    std::vector<std::pair<std::string, std::string>> user;
    std::optional<std::string> content_type;
    std::optional<std::string> response_topic;
    std::optional<std::string> correlation_data;
    std::optional<int> payload_format;
};

/// The library's form; freed with its owner. It copies what it is given.
class library_properties {
  public:
    explicit library_properties(const message_properties& from);
    ~library_properties() { MQTTProperties_free(&properties_); }
    library_properties(const library_properties&) = delete;
    library_properties& operator=(const library_properties&) = delete;

    MQTTProperties& get() noexcept { return properties_; }

  private:
    void add_text(MQTTPropertyCodes code, std::string text);

    MQTTProperties properties_ = MQTTProperties_initializer;
};

message_properties read_message(MQTTProperties& from);

/// The numbers in a CONNACK by property code, and the client identifier if one was assigned.
struct announcement {
    std::map<int, int> numbers;
    std::string assigned_client_id;
};
announcement read_connack(MQTTProperties& from);

} // namespace paho_c
