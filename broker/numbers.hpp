// The broker's metrics: what its parts count, under the names and labels that operators see. Read when they are asked
// for; nothing is counted here.
#pragma once

#include "broker/admin/gatekeeper.hpp"
#include "broker/edge/listener.hpp"
#include "broker/relay/relay.hpp"
#include "broker/reloader.hpp"
#include "common/net/tls_context.hpp"
#include "common/ops/metrics.hpp"

namespace broker {

/// All outlive the metrics; `tls` may be null.
struct counted_parts {
    const edge::listener& clients;
    const edge::edge_counters& edge;
    const relay::relay& links;
    const reloader& reloads;
    const admin::gatekeeper& gate;
    const net::tls_context* tls;
};

void declare_metrics(ops::metrics& into, const counted_parts& of);

} // namespace broker
