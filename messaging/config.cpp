#include "messaging/config.hpp"

#include "common/core/config_node.hpp"
#include "common/link/frame.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace messaging {

namespace {

constexpr std::uint16_t deliveries_max = 250; ///< a delivery count has eight bits

void read_log(core::config_node node, config& into) {
    std::string level = "info";
    node.read("level", level);
    if (!core::log::parse_level(level, into.log_level)) node.complain("level must be debug, info, warn, error or off");
    node.finish();
}

void read_listen(core::config_node node, listen_config& into) {
    node.read("address", into.address);
    node.read("port", into.port);
    node.read("certificate", into.certificate);
    node.read("key", into.key);
    node.read("connections_max", into.connections_max);
    if (into.certificate.empty() != into.key.empty())
        node.complain("certificate and key belong together: give both or none");
    node.finish();
}

void read_data(core::config_node node, config& into) {
    node.read("directory", into.data_directory);
    std::string durability = "fsync";
    node.read("durability", durability);
    if (durability == "fsync")
        into.log.mode = store::durability::fsync;
    else if (durability == "os")
        into.log.mode = store::durability::os;
    else
        node.complain("durability must be fsync (survives a power cut) or os (survives a killed process)");
    std::uint64_t segment = into.log.segment_bytes;
    std::uint64_t cache = into.log.cache_bytes_max;
    node.read_bytes("segment_bytes", segment);
    node.read_bytes("cache_bytes", cache);
    if (segment < 1024 * 1024 || segment > 1024ULL * 1024 * 1024)
        node.complain("segment_bytes must be from 1MiB to 1GiB");
    into.log.segment_bytes = static_cast<std::uint32_t>(segment);
    into.log.cache_bytes_max = cache;
    into.log.spare_reserve = 2;
    node.read_bytes("disk_bytes_max", into.log.disk_bytes_max);
    if (into.log.disk_bytes_max != 0 && segment != 0 &&
        into.log.disk_bytes_max / segment < std::uint64_t{2} * store::reserve_segments)
        node.complain("disk_bytes_max must be 0 (no bound) or at least eight times segment_bytes");
    node.finish();
}

void read_limits(core::config_node node, topic::limits& into) {
    node.read_bytes("backlog_bytes_per_topic", into.backlog_bytes_per_topic);
    node.read_bytes("backlog_bytes_per_tenant", into.backlog_bytes_per_tenant);
    node.read("ttl", into.ttl);
    node.read("topics_per_tenant", into.topics_per_tenant);
    node.read("subscriptions_per_tenant", into.subscriptions_per_tenant);
    std::uint64_t message = into.record_bytes;
    node.read_bytes("message_bytes", message);
    if (message < 1024 || message > msg_link::record_bytes_max)
        node.complain("message_bytes must be from 1KiB to 256KiB");
    into.record_bytes = static_cast<std::uint32_t>(message);
    node.read_bytes("state_bytes_per_tenant", into.state_bytes_per_tenant);
    node.read_bytes("kept_bytes_per_topic", into.kept_bytes_per_topic);
    node.read("kept_ttl", into.kept_ttl);
    node.read("reports_per_client", into.reports_per_client);
    node.read("report_ttl", into.report_ttl);
    node.read_bytes("report_bytes_per_tenant", into.report_bytes_per_tenant);
    if (into.reports_per_client == 0) node.complain("reports_per_client must be at least 1");
    node.read("unacknowledged_per_subscription", into.unacknowledged_per_subscription);
    if (into.unacknowledged_per_subscription < 1 || into.unacknowledged_per_subscription > 60'000)
        node.complain("unacknowledged_per_subscription must be from 1 to 60000");
    node.read("held_back_per_subscription", into.held_back_per_subscription);
    if (into.held_back_per_subscription < 1 || into.held_back_per_subscription > 60'000)
        node.complain("held_back_per_subscription must be from 1 to 60000");
    node.read_bytes("qos0_lag_bytes", into.qos0_lag_bytes);
    node.finish();
}

void read_subscriptions(core::config_node node, std::vector<declared_subscription>& into) {
    for (auto& item : node.items()) {
        declared_subscription one;
        one.tenant = item.required("tenant").text();
        item.read("topic", one.topic);
        item.read("filters", one.filters);
        one.subscriber = item.required("subscriber").text();
        std::string type = "exclusive";
        item.read("type", type);
        item.read("max_deliveries", one.max_deliveries);
        if (one.topic.empty() == one.filters.empty()) item.complain("give either topic or filters");
        for (const auto& filter : one.filters.empty() ? std::vector{one.topic} : one.filters)
            if (!filter.empty() && !topic::well_formed_filter(filter))
                item.complain("not a topic or filter: " + filter);
        if (!parse_subscription_type(type, one.type))
            item.complain("type must be exclusive, shared, failover or key_shared");
        if (one.max_deliveries > deliveries_max) item.complain("max_deliveries must be from 0 (no limit) to 250");
        item.finish();
        const auto same = [&](const auto& other) { return other.tenant == one.tenant && other.name() == one.name(); };
        if (std::any_of(into.begin(), into.end(), same)) item.complain("declared twice: " + one.name());
        into.push_back(std::move(one));
    }
}

} // namespace

bool load(const std::string& path, config& into, std::string& complaints) {
    core::config_document::options with;
    with.substitute_environment = true;
    auto document = core::config_document::load(path, with);
    auto root = document.root();
    into.path = path;
    read_log(root.child("log"), into);
    read_listen(root.child("listen"), into.listen);
    read_data(root.child("data"), into);
    auto link = root.child("link");
    link.read("secret_file", into.link_secret_file);
    link.read("lease", into.limits.lease);
    link.read("failover_after", into.limits.failover_after);
    link.finish();
    auto logins = root.child("auth");
    auth::read_auth_settings(logins, into.logins, false);
    logins.finish();
    auto reload = root.child("reload");
    reload.read("interval", into.reload_interval);
    if (into.reload_interval.count() != 0 && into.reload_interval < std::chrono::milliseconds(100))
        reload.complain("interval must be 0s (files are read again on SIGHUP only) or at least 100ms");
    reload.finish();
    auto management = root.child("management");
    management.read("operator_tenant", into.operator_tenant);
    management.finish();
    read_limits(root.child("limits"), into.limits);
    read_subscriptions(root.child("subscriptions"), into.subscriptions);
    root.finish();
    if (const char* port = std::getenv("SERVER_PORT")) {
        std::uint16_t number = 0;
        const auto parsed = std::from_chars(port, port + std::strlen(port), number);
        if (parsed.ec == std::errc{} && *parsed.ptr == '\0')
            into.listen.port = number;
        else {
            complaints = "SERVER_PORT is not a port number: " + std::string(port) + "\n";
            return false;
        }
    }
    complaints = document.complaint_text();
    return document.ok();
}

std::string describe(const config& c) {
    const auto level = [&] {
        switch (c.log_level) {
        case core::log::level::debug: return "debug";
        case core::log::level::info: return "info";
        case core::log::level::warn: return "warn";
        case core::log::level::error: return "error";
        case core::log::level::off: return "off";
        }
        return "info";
    }();
    return fmt::format(
               "log: {{ level: {} }}\n"
               "listen: {{ address: {}, port: {}, certificate: \"{}\", key: \"{}\", connections_max: {} }}\n"
               "data: {{ directory: {}, durability: {}, segment_bytes: {}, cache_bytes: {}, disk_bytes_max: {} }}\n"
               "link: {{ secret_file: {}, lease: {}ms, failover_after: {}ms }}\n"
               "auth:\n{}"
               "reload: {{ interval: {}ms }}\n"
               "limits:\n"
               "  backlog_bytes_per_topic: {}\n  backlog_bytes_per_tenant: {}\n  ttl: {}ms\n"
               "  topics_per_tenant: {}\n  subscriptions_per_tenant: {}\n  message_bytes: {}\n"
               "  state_bytes_per_tenant: {}\n  kept_bytes_per_topic: {}\n  kept_ttl: {}ms\n"
               "  reports_per_client: {}\n  report_ttl: {}ms\n  report_bytes_per_tenant: {}\n"
               "  unacknowledged_per_subscription: {}\n  held_back_per_subscription: {}\n"
               "  qos0_lag_bytes: {}\n",
               level, c.listen.address, c.listen.port, c.listen.certificate, c.listen.key, c.listen.connections_max,
               c.data_directory, c.log.mode == store::durability::fsync ? "fsync" : "os", c.log.segment_bytes,
               c.log.cache_bytes_max, c.log.disk_bytes_max, c.link_secret_file, c.limits.lease.count(),
               c.limits.failover_after.count(), auth::describe(c.logins, false), c.reload_interval.count(),
               c.limits.backlog_bytes_per_topic, c.limits.backlog_bytes_per_tenant, c.limits.ttl.count(),
               c.limits.topics_per_tenant, c.limits.subscriptions_per_tenant, c.limits.record_bytes,
               c.limits.state_bytes_per_tenant, c.limits.kept_bytes_per_topic, c.limits.kept_ttl.count(),
               c.limits.reports_per_client, c.limits.report_ttl.count(), c.limits.report_bytes_per_tenant,
               c.limits.unacknowledged_per_subscription, c.limits.held_back_per_subscription, c.limits.qos0_lag_bytes) +
           fmt::format("management: {{ operator_tenant: \"{}\" }}\n", c.operator_tenant);
}

} // namespace messaging
