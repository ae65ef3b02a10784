// Tells a tenant what went wrong: errors of its clients on `$debug/$error` (ref A.9) and alarms for its administrators
// (ref A.12), both at the tenant's rates and through the link. One per process, loop only.
#pragma once

#include "broker/relay/relay.hpp"
#include "broker/tenant/tenant.hpp"
#include "common/core/clock.hpp"

#include <string>
#include <string_view>

namespace broker::edge {

class reporter {
  public:
    reporter(relay::relay& links, const core::clock& time) : links_(links), clock_(time) {}

    /// For a client that has logged in. Counts it; publishes it unless there were too many.
    void report(tenant::tenant& of, std::string_view client_id, const session::refusal& what);
    /// Once a minute for each tenant and alarm.
    void raise(tenant::tenant& of, tenant::alarm what);

  private:
    bool publish(std::string_view tenant, std::string_view store_topic, std::string_view client_id,
                 std::string_view json);

    relay::relay& links_;
    const core::clock& clock_;
    std::string name_;
};

} // namespace broker::edge
