// What every program tells of itself: build, memory, processor time, descriptors, start. The names are those that
// Prometheus client libraries use.
#pragma once

#include "common/ops/metrics.hpp"

#include <string>

namespace ops {

void declare_process_metrics(metrics& into, const std::string& program);

} // namespace ops
