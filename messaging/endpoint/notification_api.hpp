// The original's API as one object: hangs its routes into the front. Described in API.md.
#pragma once

#include "common/auth/login_guard.hpp"
#include "messaging/endpoint/api_context.hpp"
#include "messaging/endpoint/front.hpp"

namespace messaging::endpoint {

class notification_api {
  public:
    /// All references outlive it.
    notification_api(topic::hub& hub, auth::login_guard& logins, const core::clock& clock, ops::metrics& metrics,
                     notification2::signing_key key, api_options options = {})
        : context_(hub, clock, metrics, std::move(key), options), logins_(logins) {}
    notification_api(const notification_api&) = delete;
    notification_api& operator=(const notification_api&) = delete;

    void add_routes(front& to);

  private:
    api_context context_;
    auth::login_guard& logins_;
};

} // namespace messaging::endpoint
