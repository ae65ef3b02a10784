#include "broker/config.hpp"

#include "common/core/config_node.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace broker {

namespace {

void read_door(core::config_node node, listen_config& into, bool tls) {
    node.read("enabled", into.enabled);
    node.read("address", into.address);
    node.read("port", into.port);
    if (tls) {
        node.read("certificate", into.certificate);
        node.read("key", into.key);
        if (into.enabled && (into.certificate.empty() || into.key.empty()))
            node.complain("TLS needs `certificate` and `key` (PEM files), or `enabled: false`");
    }
    node.finish();
}

void read_limits(core::config_node node, config& into) {
    auto& session = into.tenants.session;
    node.read("connect_timeout", into.limits.connect_timeout);
    node.read("link_grace", into.limits.link_grace);
    node.read("connections", into.limits.connections_max);
    node.read_bytes("stream_bytes", into.limits.stream_bytes);
    std::uint64_t outbox = into.limits.outbox_bytes;
    std::uint64_t packet = session.packet_bytes_max;
    node.read_bytes("outbox_bytes", outbox);
    node.read_bytes("packet_bytes", packet);
    into.limits.outbox_bytes = outbox;
    if (packet < 1024 || packet > 256 * 1024 - 1024) node.complain("packet_bytes must be from 1KiB to 255KiB");
    session.packet_bytes_max = static_cast<std::uint32_t>(packet);
    node.read("client_id_bytes", session.client_id_bytes_max);
    node.read("topic_bytes", session.topic_bytes_max);
    node.read("subscriptions_per_client", session.subscriptions_max);
    node.read("receive_maximum", session.receive_maximum);
    node.read("deliveries_in_flight_3x", session.deliveries_in_flight_3x);
    node.read("deliveries_in_flight", session.deliveries_in_flight_max);
    node.read("server_keep_alive_s", session.server_keep_alive_s);
    if (session.receive_maximum == 0 || session.deliveries_in_flight_3x == 0 || session.deliveries_in_flight_max == 0)
        node.complain("receive_maximum and deliveries_in_flight must be at least 1");
    node.finish();
}

void read_throttle(core::config_node node, login::throttle_limits& into) {
    node.read("failures_per_user", into.failures_per_user);
    node.read("failures_per_address", into.failures_per_address);
    node.read("first_delay", into.first_delay);
    node.read("max_delay", into.max_delay);
    node.read("window", into.window);
    node.read("remembered_max", into.remembered_max);
    node.finish();
    if (into.max_delay < into.first_delay) node.complain("max_delay must not be shorter than first_delay");
}

void read_auth(core::config_node node, config& into) {
    auth::read_auth_settings(node, into.logins, true);
    read_throttle(node.child("throttle"), into.throttle);
    node.finish();
}

void read_messaging(core::config_node node, config& into) {
    node.read("url", into.messaging_url);
    node.read("secret_file", into.secret_file);
    node.read("token_file", into.token_file);
    node.read("ca_file", into.ca_file);
    if (into.secret_file.empty() == into.token_file.empty())
        node.complain(
            "give one of `secret_file` (shared with messaging) and `token_file` (made by `mqtt-messaging token`)");
    if (!into.messaging_url.starts_with("ws://") && !into.messaging_url.starts_with("wss://"))
        node.complain("url must begin with ws:// or wss://");
    node.finish();
}

const char* word(core::log::level at) {
    constexpr const char* words[] = {"debug", "info", "warn", "error", "off"};
    return words[static_cast<std::size_t>(at)];
}

} // namespace

bool load(const std::string& path, config& into, std::string& complaints) {
    core::config_document::options with;
    with.substitute_environment = true;
    auto document = core::config_document::load(path, with);
    auto root = document.root();
    auto log = root.child("log");
    std::string level = "info";
    log.read("level", level);
    if (!core::log::parse_level(level, into.log_level)) log.complain("level must be debug, info, warn, error or off");
    log.finish();
    auto listen = root.child("listen");
    read_door(listen.child("plain"), into.plain, false);
    read_door(listen.child("tls"), into.tls, true);
    listen.finish();
    if (!into.plain.enabled && !into.tls.enabled) listen.complain("both ports are off; enable at least one");
    auto ops = root.child("ops");
    ops.read("address", into.ops_address);
    ops.read("port", into.ops_port);
    ops.finish();
    read_messaging(root.child("messaging"), into);
    read_auth(root.child("auth"), into);
    read_limits(root.child("limits"), into);
    auto tenants = root.child("tenant_defaults");
    into.tenants.options = auth::read_tenant_options(tenants);
    tenants.finish();
    root.finish();
    complaints = document.complaint_text();
    if (const char* port = std::getenv("SERVER_PORT")) {
        std::uint16_t number = 0;
        const auto parsed = std::from_chars(port, port + std::strlen(port), number);
        if (parsed.ec == std::errc{} && *parsed.ptr == '\0')
            into.ops_port = number;
        else
            complaints += "SERVER_PORT is not a port number: " + std::string(port) + "\n";
    }
    return complaints.empty();
}

std::string describe(const config& c) {
    return fmt::format(
        "log: {{ level: {} }}\n"
        "listen:\n"
        "  plain: {{ enabled: {}, address: {}, port: {} }}\n"
        "  tls: {{ enabled: {}, address: {}, port: {}, certificate: \"{}\", key: \"{}\" }}\n"
        "ops: {{ address: {}, port: {} }}\n"
        "tenant_defaults: {{ profile: {} }}\n"
        "messaging: {{ url: {}, secret_file: \"{}\", token_file: \"{}\", ca_file: \"{}\" }}\n"
        "auth:\n{}"
        "  throttle:\n    failures_per_user: {}\n    failures_per_address: {}\n    first_delay: {}ms\n"
        "    max_delay: {}ms\n    window: {}ms\n    remembered_max: {}\n"
        "limits:\n"
        "  connect_timeout: {}ms\n  link_grace: {}ms\n  connections: {}\n  stream_bytes: {}\n  outbox_bytes: {}\n"
        "  packet_bytes: {}\n  client_id_bytes: {}\n  topic_bytes: {}\n  subscriptions_per_client: {}\n"
        "  receive_maximum: {}\n  deliveries_in_flight_3x: {}\n  deliveries_in_flight: {}\n  server_keep_alive_s: {}\n",
        word(c.log_level), c.plain.enabled, c.plain.address, c.plain.port, c.tls.enabled, c.tls.address, c.tls.port,
        c.tls.certificate, c.tls.key, c.ops_address, c.ops_port,
        c.tenants.options.profile.empty() ? "preview" : c.tenants.options.profile, c.messaging_url, c.secret_file,
        c.token_file, c.ca_file, auth::describe(c.logins, true), c.throttle.failures_per_user,
        c.throttle.failures_per_address, c.throttle.first_delay.count(), c.throttle.max_delay.count(),
        c.throttle.window.count(), c.throttle.remembered_max, c.limits.connect_timeout.count(),
        c.limits.link_grace.count(), c.limits.connections_max, c.limits.stream_bytes, c.limits.outbox_bytes,
        c.tenants.session.packet_bytes_max, c.tenants.session.client_id_bytes_max, c.tenants.session.topic_bytes_max,
        c.tenants.session.subscriptions_max, c.tenants.session.receive_maximum,
        c.tenants.session.deliveries_in_flight_3x, c.tenants.session.deliveries_in_flight_max,
        c.tenants.session.server_keep_alive_s);
}

} // namespace broker
