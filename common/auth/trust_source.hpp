// Whoever can tell whether a device's certificate chain opens a tenant's door: a file, or the platform.
#pragma once

#include "common/auth/trust_store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace auth {

struct judged_chain {
    core::tenant_id tenant;
    device_identity device;
};

using judge_callback = std::function<void(core::result<judged_chain>)>;

class trust_source {
  public:
    virtual ~trust_source() = default;
    /// `named` is the tenant the client says it belongs to, or empty: then the chain tells (ref A.4). `done` is called
    /// once on the loop's thread, perhaps before this returns; a source destroyed meanwhile drops the call. Errors:
    /// those of trust_store, busy, unavailable.
    virtual void judge(core::tenant_id named, std::vector<std::string> chain, judge_callback done) = 0;
    /// As trust_store::still_trusted, by what is known now.
    virtual core::result<void> still_trusted(const core::tenant_id& tenant, const device_identity& device) const = 0;
};

/// The answer of one store.
core::result<judged_chain> judge_by(const trust_store& store, core::tenant_id named,
                                    const std::vector<std::string>& chain, std::int64_t now_s);

} // namespace auth
