// What the broker counts per tenant. A tenant keeps the references, so that counting in the hot path looks nothing up.
#pragma once

#include "broker/session/cause.hpp"
#include "common/ops/metrics.hpp"

#include <array>
#include <string>

namespace broker::tenant {

struct meters {
    explicit meters(ops::metrics& in);

    ops::family<ops::counter>& refused; ///< tenant, reason
    ops::family<ops::counter>& reports; ///< tenant, result
    ops::family<ops::counter>& alarms;  ///< tenant, result
    ops::family<ops::counter>& paced;   ///< tenant
};

/// One tenant's counters, made when they are first needed. Without meters (tests) nothing is counted.
class counters {
  public:
    counters(std::string tenant, meters* in) : tenant_(std::move(tenant)), in_(in) {}

    void refused(session::cause why);
    void report(bool published);
    void alarm(bool published);
    void paced();

  private:
    std::string tenant_;
    meters* in_;
    std::array<ops::counter*, session::cause_count> refused_{};
    std::array<ops::counter*, 2> reports_{};
    std::array<ops::counter*, 2> alarms_{};
    ops::counter* paced_ = nullptr;
};

} // namespace broker::tenant
