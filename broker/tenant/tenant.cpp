#include "broker/tenant/tenant.hpp"

#include <algorithm>

namespace broker::tenant {

using session::cause;

namespace {

constexpr std::size_t report_slots = 512;
constexpr std::size_t report_neighbours = 4; ///< slots in which a client may stand
constexpr std::chrono::seconds report_every{4};
constexpr int reports_at_once = 16;
constexpr double tenant_reports_a_second = 20;
constexpr double tenant_reports_at_once = 100;
constexpr std::chrono::minutes alarm_every{1};

} // namespace

client_rates::client_rates(const rate_limits& from) : publishes(from.publish_rate_per_client) {
    const double topics_a_minute = from.topic_creation_rate_per_client;
    topics.limit(topics_a_minute / 60, topics_a_minute);
}

tenant::tenant(std::string id, std::shared_ptr<const tenant_settings> settings, meters* count)
    : id_(std::move(id)), count_(id_, count), reports_(tenant_reports_a_second, tenant_reports_at_once) {
    use(std::move(settings));
}

void tenant::use(std::shared_ptr<const tenant_settings> settings) {
    settings_ = std::move(settings);
    const auto& rates = settings_->rates;
    connects_.limit(rates.connect_rate);
    publishes_.limit(rates.publish_rate);
    deliveries_.limit(rates.delivery_rate);
    throughput_.limit(static_cast<double>(rates.throughput_bytes));
}

cause tenant::admit(std::string_view client_id, core::steady_time now) {
    const auto most = settings_->rates.connections;
    const auto known = clients_.find(client_id);
    if (most != 0 && connections_ >= most && known == clients_.end()) return cause::connections;
    if (!connects_.take(now)) return cause::connect_rate;
    ++connections_;
    if (known != clients_.end())
        ++known->second;
    else
        clients_.emplace(std::string(client_id), 1);
    return cause::none;
}

void tenant::leave(std::string_view client_id) {
    const auto known = clients_.find(client_id);
    if (known == clients_.end()) return;
    --connections_;
    if (--known->second == 0) clients_.erase(known);
}

cause tenant::take_publish(client_rates& of, std::size_t payload_bytes, core::steady_time now) noexcept {
    if (!of.publishes.take(now)) return cause::publish_rate_per_client;
    if (!publishes_.take(now)) return cause::publish_rate;
    if (!throughput_.take_owing(now, static_cast<double>(payload_bytes))) return cause::throughput;
    return cause::none;
}

cause tenant::take_delivery(std::size_t payload_bytes, core::steady_time now) noexcept {
    if (!deliveries_.take(now)) return cause::delivery_rate;
    if (!throughput_.take_owing(now, static_cast<double>(payload_bytes))) return cause::throughput;
    return cause::none;
}

std::uint32_t tenant::take(core::steady_time now, std::uint32_t wanted) noexcept {
    return throughput_.owes(now) ? 0 : deliveries_.take_some(now, wanted);
}

/// The client's own slot, else one that has nothing to remember any more, else the one that has least.
tenant::report_state& tenant::report_state_of(std::string_view client_id, core::steady_time now) {
    if (reported_.empty()) reported_.resize(report_slots);
    const auto hash = text_hash{}(client_id);
    report_state* best = nullptr;
    for (std::size_t i = 0; i < report_neighbours; ++i) {
        auto& one = reported_[(hash + i) % report_slots];
        if (one.client == hash) return one;
        if (best == nullptr || one.paid_until < best->paid_until) best = &one;
    }
    if (best->paid_until <= now) best->client = hash;
    return *best;
}

bool tenant::may_report(std::string_view client_id, core::steady_time now) {
    auto& state = report_state_of(client_id, now);
    const auto next = std::max(state.paid_until, now) + report_every;
    if (next - now > report_every * reports_at_once || !reports_.take(now)) return false;
    state.paid_until = next;
    return true;
}

std::optional<std::uint64_t> tenant::may_alarm(alarm what, core::steady_time now) noexcept {
    auto& state = alarms_[static_cast<std::size_t>(what)];
    if (now < state.next) {
        ++state.unsaid;
        return std::nullopt;
    }
    state.next = now + alarm_every;
    return std::exchange(state.unsaid, 0);
}

} // namespace broker::tenant
