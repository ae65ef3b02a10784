// Messaging's hub over a store in memory, for targets that talk to it. Time stands still unless the target moves it.
// Made anew after some inputs: what they left behind is bounded, and making one is much dearer than an input.
#pragma once

#include "common/core/log.hpp"
#include "messaging/endpoint/link_sessions.hpp"
#include "messaging/topic/hub.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/store_fixture.hpp"

#include <cstdlib>
#include <memory>

namespace fuzzing {

class memory_hub {
  public:
    memory_hub() {
        core::log::start("fuzz", core::log::level::off);
        messaging::topic::limits limits;
        limits.backlog_bytes_per_topic = 64 * 1024;
        limits.backlog_bytes_per_tenant = 256 * 1024;
        limits.topics_per_tenant = 64;
        limits.subscriptions_per_tenant = 64;
        limits.state_bytes_per_tenant = 16 * 1024;
        hub = std::make_unique<messaging::topic::hub>(limits, clock, [] {});
        messaging::store::log_options options;
        options.segment_bytes = 1024 * 1024;
        options.side_thread = false;
        if (hub->open(options, files, loop.poster())) std::abort();
        sessions = std::make_unique<messaging::endpoint::link_sessions>(*hub, clock);
        sessions->recover();
    }

    /// Nothing is on its way to the disk afterwards.
    void settle() {
        if (!loop.run_until([this] {
                hub->flush();
                return hub->log().stats().queued_bytes == 0;
            }))
            std::abort();
        loop.run_ready();
    }
    void advance(std::chrono::milliseconds by) {
        clock.advance(by);
        hub->tick();
        sessions->tick();
        settle();
    }
    /// A tenant's account is the sum of its topics', kept ones aside.
    void check_accounts() const {
        for (const auto& [name, tenant] : hub->tenants()) {
            std::uint64_t sum = 0;
            for (const auto& [space_name, space] : tenant->spaces)
                for (const auto& [topic_name, topic] : space.topics)
                    if (!topic->kept()) sum += topic->backlog_bytes;
            if (sum != tenant->backlog_bytes) std::abort();
        }
    }

    support::manual_clock clock;
    support::faulty_file_system files;
    support::hand_loop loop;
    std::unique_ptr<messaging::topic::hub> hub;
    std::unique_ptr<messaging::endpoint::link_sessions> sessions; // goes before the hub
};

} // namespace fuzzing
