// Which change a subscription copies, and what of it (ref C.2). Pure functions.
#pragma once

#include "tests/platform/model/notification_hub.hpp"

namespace platform_sim::model {

bool subscription_matches(const notification_subscription& rule, const change& of);
/// The body with standard fields and, when `fragments` is not empty, only those custom ones.
std::string notification_body(const notification_subscription& rule, const change& of);

} // namespace platform_sim::model
