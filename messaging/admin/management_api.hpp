// The management REST as one object: hangs its routes into the front. Described in API.md and openapi.json.
#pragma once

#include "messaging/admin/context.hpp"
#include "messaging/admin/rate_sampler.hpp"
#include "messaging/endpoint/front.hpp"

namespace messaging::admin {

class management_api {
  public:
    /// All references outlive it.
    management_api(topic::hub& hub, auth::login_guard& logins, const core::clock& clock, ops::metrics& metrics,
                   management_options options)
        : context_(hub, logins, clock, metrics, std::move(options)), sampler_(hub, clock) {}
    /// Before the hub is closed.
    ~management_api();
    management_api(const management_api&) = delete;
    management_api& operator=(const management_api&) = delete;

    void add_routes(endpoint::front& to);
    /// Every 100 ms: rates, and topics that nobody used after they were made.
    void tick();

  private:
    management_context context_;
    rate_sampler sampler_;
};

} // namespace messaging::admin
