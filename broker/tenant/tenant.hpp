// One tenant's place in this process: its limits (ref A.10) as they are now, and what it has used of them. Shared by
// its connections. Sans I/O; loop only; nothing here takes a timer or allocates per message.
//
// Limits of a tenant count in each broker by itself. Rates have a burst of one second's worth.
#pragma once

#include "broker/relay/delivery_pace.hpp"
#include "broker/session/cause.hpp"
#include "broker/tenant/alarm.hpp"
#include "broker/tenant/meters.hpp"
#include "broker/tenant/settings.hpp"
#include "common/core/token_bucket.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace broker::tenant {

/// What one client may do; as it was when the client connected.
struct client_rates {
    client_rates() = default;
    explicit client_rates(const rate_limits& from);

    core::token_bucket publishes;
    core::token_bucket topics; ///< begun
};

class tenant final : public relay::delivery_pace {
  public:
    tenant(std::string id, std::shared_ptr<const tenant_settings> settings, meters* count = nullptr);
    tenant(const tenant&) = delete;
    tenant& operator=(const tenant&) = delete;

    const std::string& id() const noexcept { return id_; }
    /// As of the last reload; connections hold on to what they were accepted with, the tenant's own limits change at
    /// once.
    const std::shared_ptr<const tenant_settings>& settings() const noexcept { return settings_; }
    void use(std::shared_ptr<const tenant_settings> settings);
    counters& count() noexcept { return count_; }

    /// A client has logged in: none and it counts as connected until `leave`, or the limit it meets. One that takes
    /// over its own older connection is let in at the limit.
    session::cause admit(std::string_view client_id, core::steady_time now);
    void leave(std::string_view client_id);
    std::uint32_t connections() const noexcept { return connections_; }

    /// False: `take_publish` needs not be asked, for a client without limits of its own.
    bool limits_publishes() const noexcept { return publishes_.on() || throughput_.on(); }
    /// One PUBLISH of a client: none, or the limit that it exceeds.
    session::cause take_publish(client_rates& of, std::size_t payload_bytes, core::steady_time now) noexcept;

    bool limits_deliveries() const noexcept { return deliveries_.on() || throughput_.on(); }
    /// One QoS 0 delivery; not none: it is to be dropped.
    session::cause take_delivery(std::size_t payload_bytes, core::steady_time now) noexcept;
    /// A QoS 1 delivery that credit was given for before; only its bytes are new.
    void spend_delivery(std::size_t payload_bytes) noexcept { throughput_.spend(static_cast<double>(payload_bytes)); }
    std::uint32_t take(core::steady_time now, std::uint32_t wanted) noexcept override;

    /// Whether an error of this client may be reported now: sixteen at once (as many as are kept), then one in four
    /// seconds; for the tenant a hundred at once, then twenty a second. Where more than a few hundred clients err at
    /// the same time, some share.
    bool may_report(std::string_view client_id, core::steady_time now);
    /// How often the alarm was held back since it was last raised; empty: it is to be held back, too (once a minute).
    std::optional<std::uint64_t> may_alarm(alarm what, core::steady_time now) noexcept;

  private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    struct report_state {
        std::size_t client = 0;         ///< hash of its ID
        core::steady_time paid_until{}; ///< how far it is ahead of the clock is what it has used of its burst
    };
    struct alarm_state {
        core::steady_time next{};
        std::uint64_t unsaid = 0;
    };
    report_state& report_state_of(std::string_view client_id, core::steady_time now);

    std::string id_;
    std::shared_ptr<const tenant_settings> settings_;
    counters count_;
    std::uint32_t connections_ = 0;
    std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> clients_; ///< connections by client ID
    core::token_bucket connects_;
    core::token_bucket publishes_;
    core::token_bucket deliveries_;
    core::token_bucket throughput_;
    core::token_bucket reports_;
    std::vector<report_state> reported_; ///< by hash of the client ID; empty before the first error
    std::array<alarm_state, alarm_count> alarms_{};
};

} // namespace broker::tenant
