#include "broker/tenant/meters.hpp"

namespace broker::tenant {
namespace {
constexpr std::array<const char*, 2> results{"held_back", "published"};
} // namespace

meters::meters(ops::metrics& in)
    : refused(in.counters("mqtt_refused_total",
                          "What was refused to clients, by tenant and reason; QoS 0 over a limit is "
                          "dropped. `unknown`: before the login",
                          {"tenant", "reason"})),
      reports(in.counters("mqtt_reports_total",
                          "Errors for $debug/$error; held_back: over the rate, or the link is full",
                          {"tenant", "result"})),
      alarms(in.counters("mqtt_alarms_total", "Alarms for the mapper; held_back: the same one within a minute",
                         {"tenant", "result"})),
      paced(in.counters("mqtt_deliveries_paced_total", "Times that a client had to wait for the tenant's delivery rate",
                        {"tenant"})) {}

void counters::refused(session::cause why) {
    if (in_ == nullptr) return;
    auto*& at = refused_[static_cast<std::size_t>(why)];
    if (at == nullptr) at = &in_->refused.with({tenant_, std::string(session::label_of(why))});
    at->add();
}

void counters::report(bool published) {
    if (in_ == nullptr) return;
    auto*& at = reports_[published ? 1 : 0];
    if (at == nullptr) at = &in_->reports.with({tenant_, results[published ? 1 : 0]});
    at->add();
}

void counters::alarm(bool published) {
    if (in_ == nullptr) return;
    auto*& at = alarms_[published ? 1 : 0];
    if (at == nullptr) at = &in_->alarms.with({tenant_, results[published ? 1 : 0]});
    at->add();
}

void counters::paced() {
    if (in_ == nullptr) return;
    if (paced_ == nullptr) paced_ = &in_->paced.with({tenant_});
    paced_->add();
}

} // namespace broker::tenant
