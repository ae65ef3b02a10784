// The mapper's numbers (design §13), named once; a tenant's workers keep references, so that counting costs nothing.
#pragma once

#include "common/ops/metrics.hpp"

#include <string>

namespace mapper {

/// One tenant's instruments.
struct tenant_meters {
    ops::counter& messages;  ///< taken from messaging
    ops::counter& mapped;    ///< at least one mapping made something of it
    ops::counter& unmatched; ///< no mapping, or no `when` held
    ops::counter& mapping_failed;
    ops::counter& unknown_device;
    ops::counter& platform_refused;
    ops::counter& dead_letters;
    ops::counter& dead_letters_lost; ///< messaging refused them
    ops::counter& retries;
    ops::counter& devices_created;
    ops::counter& operations_published;
    ops::counter& operations_ended;
    ops::counter& operations_timed_out;
    ops::counter& reloads_done;
    ops::counter& reloads_refused;
    ops::counter& alarms_raised; ///< of the MQTT service itself
    ops::counter& alarms_refused;
    ops::gauge& outstanding;
    ops::gauge& open_operations;
};

class meters {
  public:
    explicit meters(ops::metrics& in);

    tenant_meters of(const std::string& tenant);
    /// One attempt of a REST call; status 0: no answer.
    void observe_request(std::string_view route, unsigned status, double seconds);

  private:
    ops::family<ops::counter>& messages_;
    ops::family<ops::counter>& mapped_;
    ops::family<ops::counter>& unmatched_;
    ops::family<ops::counter>& failed_;
    ops::family<ops::counter>& dead_letters_;
    ops::family<ops::counter>& dead_letters_lost_;
    ops::family<ops::counter>& retries_;
    ops::family<ops::counter>& devices_;
    ops::family<ops::counter>& operations_;
    ops::family<ops::counter>& reloads_;
    ops::family<ops::counter>& alarms_;
    ops::family<ops::gauge>& outstanding_;
    ops::family<ops::gauge>& open_operations_;
    ops::family<ops::counter>& requests_;
    ops::family<ops::histogram>& seconds_;
};

} // namespace mapper
