#include "broker/mqtt/reason_code.hpp"

namespace broker::mqtt {
namespace {

std::string_view describe_value(int value) { return describe(static_cast<reason_code>(value)); }

std::string_view describe_connection(reason_code code) noexcept {
    switch (code) {
    case reason_code::unspecified_error: return "unspecified error";
    case reason_code::malformed_packet: return "malformed packet";
    case reason_code::protocol_error: return "protocol error";
    case reason_code::implementation_specific_error: return "the server cannot process this";
    case reason_code::unsupported_protocol_version: return "this MQTT version is not supported";
    case reason_code::client_identifier_not_valid: return "the client identifier is not allowed";
    case reason_code::bad_username_or_password: return "wrong user name or password";
    case reason_code::not_authorized: return "not authorized";
    case reason_code::server_unavailable: return "the server is not available now";
    case reason_code::server_busy: return "the server is busy, try again later";
    case reason_code::banned: return "this client is banned";
    case reason_code::server_shutting_down: return "the server is shutting down";
    case reason_code::bad_authentication_method: return "this authentication method is not supported";
    case reason_code::keep_alive_timeout: return "no packet within 1.5 times the keep alive";
    case reason_code::session_taken_over: return "another connection uses this client identifier";
    default: return "unknown reason code";
    }
}

} // namespace

std::string_view describe(reason_code code) noexcept {
    switch (code) {
    case reason_code::success: return "success";
    case reason_code::granted_qos_1: return "granted QoS 1";
    case reason_code::granted_qos_2: return "granted QoS 2";
    case reason_code::disconnect_with_will: return "disconnect with will message";
    case reason_code::no_matching_subscribers: return "no subscription matches, the message was not stored";
    case reason_code::no_subscription_existed: return "no such subscription";
    case reason_code::continue_authentication: return "continue authentication";
    case reason_code::reauthenticate: return "re-authenticate";
    case reason_code::topic_filter_invalid: return "the topic filter is not allowed";
    case reason_code::topic_name_invalid: return "the topic name is not allowed";
    case reason_code::packet_identifier_in_use: return "the packet identifier is in use";
    case reason_code::packet_identifier_not_found: return "the packet identifier is not known";
    case reason_code::receive_maximum_exceeded: return "more unanswered messages than the receive maximum allows";
    case reason_code::topic_alias_invalid: return "topic aliases are not supported";
    case reason_code::packet_too_large: return "the packet is larger than the maximum packet size";
    case reason_code::message_rate_too_high: return "messages arrive too fast";
    case reason_code::quota_exceeded: return "a quota is exceeded";
    case reason_code::administrative_action: return "closed by an administrator";
    case reason_code::payload_format_invalid: return "the payload is not the UTF-8 text it is said to be";
    case reason_code::retain_not_supported: return "retained messages are not supported";
    case reason_code::qos_not_supported: return "QoS 2 is not supported";
    case reason_code::use_another_server: return "use another server";
    case reason_code::server_moved: return "the server has moved";
    case reason_code::shared_subscriptions_not_supported: return "shared subscriptions are not supported";
    case reason_code::connection_rate_exceeded: return "too many connections in a short time";
    case reason_code::maximum_connect_time: return "the maximum connect time is over";
    case reason_code::subscription_identifiers_not_supported: return "subscription identifiers are not supported";
    case reason_code::wildcard_subscriptions_not_supported: return "wildcards in topic filters are not supported";
    default: return describe_connection(code);
    }
}

return_code to_return_code(reason_code code) noexcept {
    switch (code) {
    case reason_code::success: return return_code::accepted;
    case reason_code::unsupported_protocol_version: return return_code::unacceptable_protocol_version;
    case reason_code::client_identifier_not_valid: return return_code::identifier_rejected;
    case reason_code::server_unavailable:
    case reason_code::server_busy:
    case reason_code::server_shutting_down:
    case reason_code::use_another_server:
    case reason_code::server_moved:
    case reason_code::unspecified_error:
    case reason_code::implementation_specific_error: return return_code::server_unavailable;
    default: return return_code::not_authorized;
    }
}

const boost::system::error_category& reason_category() noexcept {
    static const core::enum_category category{"mqtt", describe_value};
    return category;
}

core::error_code make_error_code(reason_code code) noexcept { return {static_cast<int>(code), reason_category()}; }

} // namespace broker::mqtt
