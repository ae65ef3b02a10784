// /health and /metrics of every program (design §13), to be asked before a program's own routes.
//   GET /health, /health/ready  200 when ready, else 503 with the reasons
//   GET /health/live            200 while the program is worth keeping, else 503
//   GET /metrics                Prometheus text
#pragma once

#include "common/net/http.hpp"
#include "common/ops/health.hpp"
#include "common/ops/metrics.hpp"

#include <optional>

namespace ops {

class ops_routes {
  public:
    /// Both outlive it.
    ops_routes(const health& state, const metrics& numbers) : health_(state), metrics_(numbers) {}

    /// The answer, or nothing when the path is not one of ours. 405 for other methods than GET and HEAD.
    std::optional<net::http_response> answer(const net::http_request& request) const;

  private:
    const health& health_;
    const metrics& metrics_;
};

} // namespace ops
