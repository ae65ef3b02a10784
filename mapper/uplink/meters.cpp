#include "mapper/uplink/meters.hpp"

namespace mapper {

meters::meters(ops::metrics& in)
    : messages_(in.counters("mapper_messages_total", "Messages taken from messaging", {"tenant"})),
      mapped_(in.counters("mapper_messages_mapped_total", "Messages of which a mapping made something", {"tenant"})),
      unmatched_(in.counters("mapper_messages_unmatched_total", "Messages that no mapping wanted", {"tenant"})),
      failed_(in.counters("mapper_messages_failed_total", "Messages or parts that became dead letters",
                          {"tenant", "reason"})),
      dead_letters_(in.counters("mapper_dead_letters_total", "Dead letters published", {"tenant"})),
      dead_letters_lost_(
          in.counters("mapper_dead_letters_lost_total", "Dead letters that messaging refused", {"tenant"})),
      retries_(in.counters("mapper_retries_total", "REST requests that had to be repeated", {"tenant"})),
      devices_(in.counters("mapper_devices_created_total", "Devices created on first contact", {"tenant"})),
      operations_(in.counters("mapper_operations_total", "Operations by what became of them", {"tenant", "event"})),
      reloads_(in.counters("mapper_reloads_total", "Reloads of a tenant's mappings", {"tenant", "result"})),
      alarms_(in.counters("mapper_service_alarms_total", "Alarms of the MQTT service itself", {"tenant", "result"})),
      outstanding_(in.gauges("mapper_messages_outstanding", "Messages taken and not acknowledged", {"tenant"})),
      open_operations_(in.gauges("mapper_operations_open", "Operations that wait for a device's answer", {"tenant"})),
      requests_(in.counters("mapper_rest_requests_total", "REST attempts", {"route", "status"})),
      seconds_(in.histograms("mapper_rest_seconds", "Time of REST attempts", ops::latency_bounds(), {"route"})) {}

tenant_meters meters::of(const std::string& tenant) {
    return {messages_.with({tenant}),
            mapped_.with({tenant}),
            unmatched_.with({tenant}),
            failed_.with({tenant, "mapping"}),
            failed_.with({tenant, "unknown_device"}),
            failed_.with({tenant, "platform"}),
            dead_letters_.with({tenant}),
            dead_letters_lost_.with({tenant}),
            retries_.with({tenant}),
            devices_.with({tenant}),
            operations_.with({tenant, "published"}),
            operations_.with({tenant, "ended"}),
            operations_.with({tenant, "timed_out"}),
            reloads_.with({tenant, "done"}),
            reloads_.with({tenant, "refused"}),
            alarms_.with({tenant, "raised"}),
            alarms_.with({tenant, "refused"}),
            outstanding_.with({tenant}),
            open_operations_.with({tenant})};
}

void meters::observe_request(std::string_view route, unsigned status, double seconds) {
    std::string named(route);
    seconds_.with({named}).observe(seconds);
    requests_.with({std::move(named), std::to_string(status)}).add();
}

} // namespace mapper
