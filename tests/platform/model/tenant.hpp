// Everything one tenant holds. IDs come from one sequence for all kinds.
#pragma once

#include "tests/platform/model/inventory.hpp"
#include "tests/platform/model/measurements.hpp"
#include "tests/platform/model/notification_hub.hpp"
#include "tests/platform/model/option_table.hpp"
#include "tests/platform/model/record_table.hpp"
#include "tests/platform/model/revocation.hpp"

#include <map>
#include <string>
#include <utility>

namespace platform_sim::model {

struct store_limits {
    std::size_t measurements_kept_max = 100'000;
    std::size_t records_kept_max = 100'000; ///< of events, alarms and operations, each
    bool fingerprints = false;
    notification_hub::limits notifications;
};

struct tenant {
    tenant(std::string called, const core::clock& clock, const store_limits& with)
        : name(called), measurements(with.measurements_kept_max, with.fingerprints), events(with.records_kept_max),
          alarms(with.records_kept_max), operations(with.records_kept_max),
          notifications(std::move(called), clock, with.notifications) {}

    std::uint64_t next_id() noexcept { return ++last_id; }

    std::string name;
    std::uint64_t last_id = 1000;
    inventory objects;
    measurement_store measurements;
    record_table events;
    record_table alarms;
    /// The newest alarm by source and type; whether it still counts (there, not CLEARED) is looked up in `alarms`.
    std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> latest_alarms;
    record_table operations;
    option_table options;
    revocation_list revoked;
    notification_hub notifications;
};

} // namespace platform_sim::model
