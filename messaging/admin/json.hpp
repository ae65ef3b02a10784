// Topics, subscriptions and messages as management shows them (ref H.1), and the bodies it takes. Pure but for reading
// the hub's objects; loop only.
#pragma once

#include "common/core/json_writer.hpp"
#include "messaging/topic/hub.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::admin {

inline constexpr std::size_t filters_shown_max = 100;

double used_percent(std::uint64_t bytes, std::uint64_t of) noexcept;

/// What ref H.1 marks as unsafe.
bool is_unsafe(const topic::topic& one) noexcept;
bool is_unsafe(const topic::subscription& one, std::int64_t now_ms) noexcept;
double used_percent(const topic::topic& one) noexcept;
double used_percent(const topic::subscription& one) noexcept;

/// Who an application's, a link's or an MQTT client's subscription belongs to.
struct subscription_owner {
    std::string_view kind; ///< application, link, client
    std::string name;      ///< subscriber, name of the subscription, or client ID
    std::string topic;     ///< of applications: the topic in its name
    bool is_volatile = false;
};
subscription_owner owner_of(topic::hub& hub, const topic::subscription& one);
/// Splits what endpoint::subscription_name made; false for other names.
bool split_subscription_name(std::string_view name, subscription_owner& into);

void append_topic(core::json_writer& out, const topic::topic& one);
void append_subscription(core::json_writer& out, topic::hub& hub, const topic::subscription& one);
/// `{"position":…,"payload":"<Base64>",…}` of a record; false when the bytes are none.
bool append_message(core::json_writer& out, const topic::topic& from, const topic::message& one,
                    core::byte_span record);

/// Body of `POST …/topics`.
struct new_topic {
    std::string name;
    std::string name_space = "mqtt";
};
std::string read_new_topic(std::string_view body, new_topic& into);

/// Body of `POST …/subscriptions`.
struct new_subscription {
    std::string subscriber;
    std::string topic; ///< or filter
    std::string name_space = "mqtt";
    msg_link::start_at start = msg_link::start_at::newest;
};
std::string read_new_subscription(std::string_view body, new_subscription& into);

/// Body of `POST …/messages`.
struct new_message {
    std::string payload;
    std::string client_id;
    std::string topic; ///< MQTT topic where it is not the store's, for to-device
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> user_properties;
};
std::string read_new_message(std::string_view body, new_message& into);

/// Empty, or why an application may not make or publish to a topic of that name.
std::string check_topic_name(std::string_view name_space, std::string_view name);

} // namespace messaging::admin
