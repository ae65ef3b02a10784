#include "broker/edge/reporter.hpp"

#include "common/record/device_topics.hpp"
#include "common/record/properties.hpp"

namespace broker::edge {

namespace {
/// A client ID may be refused for its length alone; no topic is made of such a one.
constexpr std::size_t client_id_bytes_max = 512;
} // namespace

void reporter::report(tenant::tenant& of, std::string_view client_id, const session::refusal& what) {
    bool published = client_id.size() <= client_id_bytes_max && of.may_report(client_id, clock_.now());
    if (published) {
        name_.clear();
        record::append_error_topic(name_, client_id);
        published = publish(of.id(), name_, client_id, tenant::error_json(what, client_id, clock_.wall_ms()));
    }
    of.count().report(published);
}

void reporter::raise(tenant::tenant& of, tenant::alarm what) {
    if (what == tenant::alarm::none) return;
    const auto unsaid = of.may_alarm(what, clock_.now());
    const bool published =
        unsaid && publish(of.id(), record::alarm_topic, {}, tenant::alarm_json(what, *unsaid, clock_.wall_ms()));
    of.count().alarm(published);
}

bool reporter::publish(std::string_view tenant, std::string_view store_topic, std::string_view client_id,
                       std::string_view json) {
    std::string properties;
    record::append_payload_format(properties, 1);
    record::append_property(properties, record::property::content_type, "application/json");
    record::fields message;
    message.qos = 1;
    message.arrival_ms = clock_.wall_ms();
    message.client_id = client_id;
    message.key_is_client_id = !client_id.empty();
    message.properties = properties;
    message.payload = json;
    return links_.publish_own(tenant, store_topic, message);
}

} // namespace broker::edge
