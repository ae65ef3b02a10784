#include "broker/numbers.hpp"

#include "broker/mqtt/packet.hpp"
#include "broker/session/actions.hpp"
#include "common/ops/process_metrics.hpp"

#include <fmt/core.h>

namespace broker {

namespace {

using ops::metric_kind;
using ops::samples;

double number(std::uint64_t value) { return static_cast<double>(value); }

/// The code itself: it says the same in every version and language.
std::string label_of(std::size_t code) { return fmt::format("0x{:02X}", code); }

void declare_connections(ops::metrics& into, const counted_parts& of) {
    const auto& edge = of.edge;
    into.computed("mqtt_connections", "Open connections, logged in or not",
                  [&clients = of.clients] { return number(clients.connections()); });
    into.collected(metric_kind::gauge, "mqtt_clients", "Connected clients by protocol version", {"version"},
                   [&edge](samples& to) {
                       using mqtt::protocol_version;
                       const auto add = [&](const char* name, protocol_version version) {
                           to.add({name}, edge.clients[static_cast<std::size_t>(version)]);
                       };
                       add("3.1", protocol_version::v3_1);
                       add("3.1.1", protocol_version::v3_1_1);
                       add("5.0", protocol_version::v5);
                   });
    into.collected(metric_kind::counter, "mqtt_accepted_total", "Connections accepted", {"port"}, [&edge](samples& to) {
        to.add({"plain"}, number(edge.accepted[0]));
        to.add({"tls"}, number(edge.accepted[1]));
    });
    into.counted("mqtt_refused_connections_total", "Connections closed at once because there are too many",
                 [&edge] { return edge.refused_connections; });
    into.collected(metric_kind::counter, "mqtt_closed_total", "Connections ended, by reason", {"reason"},
                   [&edge](samples& to) {
                       for (std::size_t i = 0; i < edge.closed.size(); ++i) {
                           const auto name = session::name_of(static_cast<session::close_reason>(i));
                           if (name == "unknown") break;
                           to.add({std::string(name)}, number(edge.closed[i]));
                       }
                   });
}

void declare_tls(ops::metrics& into, const counted_parts& of) {
    const auto& edge = of.edge;
    into.collected(metric_kind::counter, "mqtt_handshakes_total", "TLS handshakes by outcome", {"outcome"},
                   [&edge](samples& to) {
                       to.add({"full"}, number(edge.handshakes_full));
                       to.add({"resumed"}, number(edge.handshakes_resumed));
                       to.add({"failed"}, number(edge.handshakes_failed - edge.handshakes_late));
                       to.add({"timeout"}, number(edge.handshakes_late));
                   });
    into.computed("mqtt_handshakes_in_progress", "TLS handshakes under way", [&edge] { return edge.handshakes_now; });
    into.counted("mqtt_accepting_paused_total", "Times that no TLS client was accepted because of limits.handshakes",
                 [&edge] { return edge.accepting_paused; });
    if (of.tls == nullptr) return;
    into.collected(metric_kind::gauge, "mqtt_certificate_expires_seconds",
                   "When the server's certificates expire, Unix time", {"file"}, [tls = of.tls](samples& to) {
                       for (const auto& one : tls->certificates())
                           to.add({one.file}, static_cast<double>(one.expires_s));
                   });
}

void declare_traffic(ops::metrics& into, const counted_parts& of) {
    const auto& edge = of.edge;
    const auto by_type = [](samples& to, const edge::packet_counts& counts) {
        for (std::size_t i = 1; i < counts.size(); ++i)
            to.add({std::string(mqtt::name_of(static_cast<mqtt::packet_type>(i)))}, number(counts[i]));
    };
    into.collected(metric_kind::counter, "mqtt_packets_received_total", "Packets from clients", {"type"},
                   [&edge, by_type](samples& to) { by_type(to, edge.packets_in); });
    into.collected(metric_kind::counter, "mqtt_packets_sent_total", "Packets to clients", {"type"},
                   [&edge, by_type](samples& to) { by_type(to, edge.packets_out); });
    into.counted("mqtt_bytes_received_total", "Bytes from clients, without TLS", [&edge] { return edge.bytes_in; });
    into.counted("mqtt_bytes_sent_total", "Bytes to clients, without TLS", [&edge] { return edge.bytes_out; });
    into.collected(metric_kind::counter, "mqtt_refusals_total", "Packets or parts of them refused, by reason code",
                   {"reason"}, [&edge](samples& to) {
                       for (std::size_t i = 0x80; i < edge.refusals.size(); ++i) // a series for each that occurred
                           if (edge.refusals[i] != 0) to.add({label_of(i)}, number(edge.refusals[i]));
                   });
}

void declare_relay(ops::metrics& into, const counted_parts& of) {
    const auto& links = of.links;
    const auto& relayed = links.counters();
    const auto count = [&into](const char* name, const char* help, const std::uint64_t& value) {
        into.counted(name, help, [&value] { return value; });
    };
    count("mqtt_published_total", "Messages passed to messaging", relayed.published);
    count("mqtt_published_qos0_dropped_total", "QoS 0 messages dropped while the link was down",
          relayed.published_qos0_dropped);
    count("mqtt_delivered_total", "Deliveries to clients", relayed.delivered);
    count("mqtt_unmatched_total", "QoS 1 messages without a subscriber", relayed.unmatched);
    count("mqtt_store_refused_total", "QoS 1 messages refused by messaging", relayed.refused);
    count("mqtt_evictions_total", "Clients taken over or fenced", relayed.evictions);
    count("mqtt_streams_lost_total", "Subscriptions ended by messaging", relayed.streams_lost);
    into.computed("mqtt_link_up", "1 while the link to messaging works", [&links] { return links.up() ? 1.0 : 0.0; });
    into.computed("mqtt_link_unsettled", "Frames on the link that are not settled",
                  [&links] { return number(links.link().unsettled_frames()); });
    into.computed("mqtt_link_unsettled_bytes", "Their bytes",
                  [&links] { return number(links.link().unsettled_bytes()); });
    const auto& link = links.link().counters();
    count("mqtt_link_connects_total", "Times the link came up", link.connects);
    count("mqtt_link_bytes_received_total", "Bytes from messaging", link.bytes_in);
    count("mqtt_link_bytes_sent_total", "Bytes to messaging", link.bytes_out);
}

void declare_operation(ops::metrics& into, const counted_parts& of) {
    const auto& reloads = of.reloads;
    into.collected(metric_kind::counter, "mqtt_reloads_total", "Reloads by what and how they ended",
                   {"what", "outcome"}, [&reloads](samples& to) {
                       const auto add = [&](const char* what, const reload_count& count) {
                           to.add({what, "done"}, number(count.done));
                           to.add({what, "failed"}, number(count.failed));
                       };
                       add("settings", reloads.settings_count());
                       add("users", reloads.users_count());
                       add("certificates", reloads.certificates_count());
                   });
    const auto& gate = of.gate.counters();
    into.collected(metric_kind::counter, "mqtt_ops_requests_total", "Requests for clients and tenants, by admission",
                   {"outcome"}, [&gate](samples& to) {
                       to.add({"admitted"}, number(gate.admitted));
                       to.add({"unauthorized"}, number(gate.unauthorized));
                       to.add({"forbidden"}, number(gate.forbidden));
                       to.add({"throttled"}, number(gate.throttled));
                       to.add({"unavailable"}, number(gate.unavailable));
                   });
}

} // namespace

void declare_metrics(ops::metrics& into, const counted_parts& of) {
    ops::declare_process_metrics(into, "mqtt-broker");
    declare_connections(into, of);
    declare_tls(into, of);
    declare_traffic(into, of);
    declare_relay(into, of);
    declare_operation(into, of);
}

} // namespace broker
