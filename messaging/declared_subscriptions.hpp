// Durable subscriptions of the configuration, so that nothing is missed before their first consumer.
#pragma once

#include "messaging/topic/hub.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace messaging {

struct declared_subscription {
    std::string tenant;
    std::string topic;                ///< MQTT topic or filter; empty with `filters`
    std::vector<std::string> filters; ///< several, for a subscription of the link
    std::string subscriber;
    msg_link::subscription_type type = msg_link::subscription_type::exclusive;
    std::uint16_t max_deliveries = 0;

    /// Its name in the hub. An exact topic is what a subscriber of the WebSocket API has; only the link knows filters.
    std::string name() const;
    bool operator==(const declared_subscription&) const = default;
};

/// False when there is no such type.
bool parse_subscription_type(std::string_view text, msg_link::subscription_type& into) noexcept;

/// Makes what is missing and changes what is declared otherwise; the type waits while there are consumers. One that is
/// declared no more is kept with its backlog, as an ordinary one, and said so in the log. Loop only.
void declare(topic::hub& to, const std::vector<declared_subscription>& wanted);

} // namespace messaging
