// What one tenant may use, and the clocks of the hub. Plain values from configuration, replaced whole on reload.
#pragma once

#include <chrono>
#include <cstdint>

namespace messaging::topic {

struct limits {
    std::uint64_t backlog_bytes_per_topic = 25ULL * 1024 * 1024;
    std::uint64_t backlog_bytes_per_tenant = 1024ULL * 1024 * 1024;
    std::chrono::milliseconds ttl{std::chrono::hours(36)};
    std::uint32_t topics_per_tenant = 100'000;
    std::uint32_t subscriptions_per_tenant = 100'000;
    std::uint32_t filters_per_subscription = 100'000;
    std::uint32_t record_bytes = 128 * 1024 + 1024; ///< payload limit of the broker plus room for metadata
    std::uint64_t state_bytes_per_tenant = 64ULL * 1024 * 1024;
    std::uint64_t will_bytes_per_tenant = 64ULL * 1024 * 1024;
    std::uint32_t reports_per_client = 16; ///< newest errors of a client that are kept for it
    std::chrono::milliseconds report_ttl{std::chrono::hours(1)};
    std::uint64_t report_bytes_per_tenant = 16ULL * 1024 * 1024;
    std::uint32_t report_topics_per_tenant = 20'000;
    std::uint32_t alarms_per_tenant = 1'000;                  ///< newest ones that the mapper has not raised
    std::uint64_t kept_bytes_per_topic = 16ULL * 1024 * 1024; ///< kept topics drop their oldest beyond this
    std::chrono::milliseconds kept_ttl{std::chrono::hours(14 * 24)};
    std::uint32_t unacknowledged_per_subscription = 60'000; ///< over all its consumers; a cursor entry holds 65,535
    std::uint32_t held_back_per_subscription = 10'000; ///< of key-shared ones: read, and waiting for their key's turn
    std::uint64_t qos0_lag_bytes = 1024 * 1024;        ///< a QoS 0 stream farther behind skips forward
    double leased_share = 0.5; ///< of a topic's quota that one leased subscription may hold before it is ended
    std::chrono::milliseconds lease{std::chrono::seconds(30)};
    std::chrono::milliseconds failover_after{std::chrono::seconds(5)}; ///< active consumer's link down, another waits
};

} // namespace messaging::topic
