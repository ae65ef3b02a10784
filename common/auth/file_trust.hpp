// Chains judged by the trust anchors of tenants.yaml and of the directory beside it.
#pragma once

#include "common/auth/file_provider.hpp"
#include "common/auth/trust_source.hpp"
#include "common/core/clock.hpp"

namespace auth {

class file_trust final : public trust_source {
  public:
    /// Both outlive it.
    file_trust(const file_provider& users, const core::clock& clock) : users_(users), clock_(clock) {}

    void judge(core::tenant_id named, std::vector<std::string> chain, judge_callback done) override;
    core::result<void> still_trusted(const core::tenant_id& tenant, const device_identity& device) const override;

  private:
    const file_provider& users_;
    const core::clock& clock_;
};

} // namespace auth
