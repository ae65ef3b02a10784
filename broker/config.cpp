#include "broker/config.hpp"

#include "common/core/config_node.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace broker {

namespace {

void read_door(core::config_node& node, listen_config& into) {
    into.enabled = node.exists();
    node.read("enabled", into.enabled);
    node.read("address", into.address);
    node.read("port", into.port);
}

void read_pairs(core::config_node node, std::vector<net::tls_key_pair>& into) {
    for (auto& item : node.items()) {
        net::tls_key_pair pair;
        pair.certificate = item.required("certificate").text();
        pair.key = item.required("key").text();
        item.finish();
        into.push_back(std::move(pair));
    }
}

void read_tls(core::config_node node, config& into) {
    auto& options = into.tls_options;
    read_door(node, into.tls);
    node.read("certificate", options.certificate);
    node.read("key", options.key);
    read_pairs(node.child("certificates"), options.more_certificates);
    std::string version = "1.2";
    node.read("min_version", version);
    if (version != "1.2" && version != "1.3") node.child("min_version").complain("must be 1.2 or 1.3");
    options.min_version = version == "1.3" ? net::tls_version::v1_3 : net::tls_version::v1_2;
    node.read("ciphers", options.ciphers);
    node.read("ciphersuites", options.ciphersuites);
    node.read("curves", options.curves);
    options.ask_for_client_certificate = true;
    const bool single = !options.certificate.empty();
    if (single == options.key.empty()) node.complain("`certificate` and `key` (PEM files) belong together");
    if (into.tls.enabled && !single && options.more_certificates.empty())
        node.complain("TLS needs `certificate` and `key` (PEM files), or `enabled: false`");
    node.finish();
}

void read_limits(core::config_node node, config& into) {
    auto& session = into.tenants.session;
    node.read("connect_timeout", into.limits.connect_timeout);
    node.read("packet_timeout", into.limits.packet_timeout);
    node.read("write_timeout", into.limits.write_timeout);
    node.read("link_grace", into.limits.link_grace);
    node.read("connections", into.limits.connections_max);
    node.read("handshake_timeout", into.limits.handshake_timeout);
    node.read("handshakes", into.limits.handshakes_max);
    node.read("close_at_certificate_end", into.limits.close_at_certificate_end);
    if (into.limits.handshakes_max == 0) node.complain("handshakes must be at least 1");
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

void read_auth(core::config_node node, config& into) {
    auth::read_auth_settings(node, into.logins, true);
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
    into.file = path;
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
    auto plain = listen.child("plain");
    read_door(plain, into.plain);
    plain.finish();
    read_tls(listen.child("tls"), into);
    listen.finish();
    if (!into.plain.enabled && !into.tls.enabled)
        listen.complain("no MQTT port is on; enable at least one: `tls` with a certificate, or `plain`");
    auto ops = root.child("ops");
    ops.read("address", into.ops_address);
    ops.read("port", into.ops_port);
    ops.read("token_file", into.ops_token_file);
    ops.finish();
    auto reload = root.child("reload");
    reload.read("interval", into.reload_interval);
    using namespace std::chrono_literals;
    if (into.reload_interval != 0ms && into.reload_interval < 100ms)
        reload.complain("interval must be 0s (files are read again on SIGHUP only) or at least 100ms");
    reload.finish();
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
    const auto& tls = c.tls_options;
    const auto& session = c.tenants.session;
    std::string pairs;
    for (const auto& pair : tls.more_certificates)
        pairs += fmt::format("{}{{ certificate: \"{}\", key: \"{}\" }}", pairs.empty() ? "" : ", ", pair.certificate,
                             pair.key);
    return fmt::format("log: {{ level: {} }}\n"
                       "listen:\n"
                       "  plain: {{ enabled: {}, address: {}, port: {} }}\n"
                       "  tls:\n"
                       "    enabled: {}\n    address: {}\n    port: {}\n"
                       "    certificate: \"{}\"\n    key: \"{}\"\n    certificates: [{}]\n"
                       "    min_version: {}\n    ciphers: \"{}\"\n    ciphersuites: \"{}\"\n    curves: \"{}\"\n",
                       word(c.log_level), c.plain.enabled, c.plain.address, c.plain.port, c.tls.enabled, c.tls.address,
                       c.tls.port, tls.certificate, tls.key, pairs,
                       tls.min_version == net::tls_version::v1_3 ? "1.3" : "1.2", tls.ciphers, tls.ciphersuites,
                       tls.curves) +
           fmt::format("ops: {{ address: {}, port: {}, token_file: \"{}\" }}\n"
                       "tenant_defaults: {{ profile: {} }}\n"
                       "messaging: {{ url: {}, secret_file: \"{}\", token_file: \"{}\", ca_file: \"{}\" }}\n"
                       "auth:\n{}"
                       "reload: {{ interval: {}ms }}\n",
                       c.ops_address, c.ops_port, c.ops_token_file,
                       c.tenants.options.profile.empty() ? "preview" : c.tenants.options.profile, c.messaging_url,
                       c.secret_file, c.token_file, c.ca_file, auth::describe(c.logins, true),
                       c.reload_interval.count()) +
           fmt::format(
               "limits:\n"
               "  connect_timeout: {}ms\n  packet_timeout: {}ms\n  write_timeout: {}ms\n"
               "  handshake_timeout: {}ms\n  handshakes: {}\n  close_at_certificate_end: {}\n  link_grace: {}ms\n"
               "  connections: {}\n  stream_bytes: {}\n  outbox_bytes: {}\n  packet_bytes: {}\n"
               "  client_id_bytes: {}\n  topic_bytes: {}\n  subscriptions_per_client: {}\n"
               "  receive_maximum: {}\n  deliveries_in_flight_3x: {}\n  deliveries_in_flight: {}\n"
               "  server_keep_alive_s: {}\n",
               c.limits.connect_timeout.count(), c.limits.packet_timeout.count(), c.limits.write_timeout.count(),
               c.limits.handshake_timeout.count(), c.limits.handshakes_max, c.limits.close_at_certificate_end,
               c.limits.link_grace.count(), c.limits.connections_max, c.limits.stream_bytes, c.limits.outbox_bytes,
               session.packet_bytes_max, session.client_id_bytes_max, session.topic_bytes_max,
               session.subscriptions_max, session.receive_maximum, session.deliveries_in_flight_3x,
               session.deliveries_in_flight_max, session.server_keep_alive_s);
}

std::string fixed_differences(const config& running, const config& fresh) {
    std::string keys;
    const auto note = [&](const char* key, bool differs) {
        if (differs) keys += (keys.empty() ? "" : ", ") + std::string(key);
    };
    note("listen.plain", running.plain != fresh.plain);
    note("listen.tls (enabled, address, port)", running.tls != fresh.tls);
    note("ops.address", running.ops_address != fresh.ops_address);
    note("ops.port", running.ops_port != fresh.ops_port);
    note("messaging.url", running.messaging_url != fresh.messaging_url);
    note("messaging.secret_file", running.secret_file != fresh.secret_file);
    note("messaging.token_file", running.token_file != fresh.token_file);
    note("messaging.ca_file", running.ca_file != fresh.ca_file);
    note("ops.token_file", running.ops_token_file != fresh.ops_token_file);
    note("auth.provider", running.logins.provider != fresh.logins.provider);
    note("auth.file", running.logins.file != fresh.logins.file);
    note("auth.platform", running.logins.platform != fresh.logins.platform); // secrets, too, which no text shows
    note("auth.throttle", running.logins.throttle != fresh.logins.throttle);
    note("reload.interval", running.reload_interval != fresh.reload_interval);
    return keys;
}

} // namespace broker
