// Notifications 2.0 over REST: subscriptions and tokens (ref C.2, C.3). Calls, pure.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

/// Operations of the whole tenant. 201; 409: exists; 422: this platform does not offer it, subscribe device by device.
platform::call subscribe_tenant_operations(std::string_view subscription);
/// Operations of one device. 201; 409: exists; 404: no such device.
platform::call subscribe_device_operations(std::string_view subscription, std::string_view device);
/// In `subscriptions`.
platform::call list_subscriptions(std::string_view subscription, unsigned page, unsigned page_size);
platform::call delete_subscription(std::string_view id);
/// 200 `{"token":…}`, see `token_of`.
platform::call create_token(std::string_view subscription, std::string_view subscriber, unsigned minutes);
std::string token_of(std::string_view body);

} // namespace mapper::api
