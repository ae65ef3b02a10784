// The body of `POST /notification2/token` (ref B.1.2, C.3): a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace messaging::endpoint {

struct token_request {
    std::string subscriber;
    std::string subscription; ///< the MQTT topic, or the name of a notification subscription
    std::string type;         ///< as given; empty when absent
    std::int64_t expires_in_minutes = 1440;
    bool shared = false;
    bool non_persistent = false;
};

/// Absent and null mean the default; fields we do not know are ignored. Empty, or one sentence about the first mistake.
std::string parse_token_request(std::string_view body, token_request& into);

} // namespace messaging::endpoint
