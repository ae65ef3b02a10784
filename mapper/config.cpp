#include "mapper/config.hpp"

#include "common/core/config_node.hpp"
#include "common/net/url.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <set>

namespace mapper {

namespace {

std::string environment(const char* name) {
    const char* found = std::getenv(name);
    return found == nullptr ? std::string() : std::string(found);
}

void read_log(core::config_node node, config& into) {
    std::string level = "info";
    node.read("level", level);
    if (!core::log::parse_level(level, into.log_level)) node.complain("level must be debug, info, warn, error or off");
    node.finish();
}

void check_url(const core::config_node& node, const std::string& url, std::string_view schemes) {
    const auto parsed = net::parse_url(url);
    if (!parsed || schemes.find(parsed->scheme + " ") == std::string_view::npos)
        node.complain("url must look like " + std::string(schemes.substr(0, schemes.find(' '))) +
                      "://host:port, not \"" + url + "\"");
}

void read_messaging(core::config_node node, messaging_config& into) {
    node.read("url", into.url);
    node.read("secret_file", into.secret_file);
    node.read("token_file", into.token_file);
    node.read("ca_file", into.ca_file);
    check_url(node, into.url, "ws wss ");
    if (into.secret_file.empty() == into.token_file.empty())
        node.complain(
            "give secret_file (the file messaging uses) or token_file (from `mqtt-messaging token`), one of them");
    node.finish();
}

void read_tenants(const core::config_node& node, std::vector<core::config_node> items,
                  std::vector<platform::credentials>& into) {
    std::set<std::string> names;
    for (auto& item : items) {
        platform::credentials one;
        one.tenant = item.required("tenant").text();
        one.user = item.required("user").text();
        one.password = item.required("password").text();
        item.finish();
        if (!names.insert(one.tenant).second) item.complain("tenant " + one.tenant + " is listed twice");
        into.push_back(std::move(one));
    }
    const platform::credentials own{environment("C8Y_TENANT"), environment("C8Y_USER"), environment("C8Y_PASSWORD")};
    if (!own.tenant.empty() && !own.user.empty() && !own.password.empty()) into.assign(1, own);
    if (into.empty()) node.complain("tenants is empty: nothing to do");
}

void read_platform(core::config_node node, platform_config& into) {
    node.read("url", into.url);
    node.read("ca_file", into.ca_file);
    node.read("request_timeout", into.request_timeout);
    node.read("requests_per_tenant", into.requests_per_tenant);
    if (into.requests_per_tenant < 1 || into.requests_per_tenant > 64)
        node.complain("requests_per_tenant must be from 1 to 64");
    if (const auto base = environment("C8Y_BASEURL"); !base.empty()) into.url = base;
    check_url(node, into.url, "http https ");
    auto tenants = node.child("tenants");
    read_tenants(node, tenants.items(), into.tenants);
    node.finish();
}

std::string_view level_name(core::log::level level) {
    switch (level) {
    case core::log::level::debug: return "debug";
    case core::log::level::info: return "info";
    case core::log::level::warn: return "warn";
    case core::log::level::error: return "error";
    case core::log::level::off: return "off";
    }
    return "info";
}

} // namespace

bool load(const std::string& path, config& into, std::string& complaints) {
    core::config_document::options with;
    with.substitute_environment = true;
    auto document = core::config_document::load(path, with);
    auto root = document.root();
    read_log(root.child("log"), into);
    auto ops = root.child("ops");
    ops.read("address", into.ops.address);
    ops.read("port", into.ops.port);
    ops.finish();
    read_messaging(root.child("messaging"), into.messaging);
    read_platform(root.child("platform"), into.platform);
    auto mappings = root.child("mappings");
    mappings.read("directory", into.mappings_directory);
    mappings.finish();
    root.finish();
    complaints = document.complaint_text();
    if (const auto port = environment("SERVER_PORT"); !port.empty()) {
        std::uint16_t number = 0;
        const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
        if (parsed.ec == std::errc{} && parsed.ptr == port.data() + port.size())
            into.ops.port = number;
        else
            complaints += "SERVER_PORT is not a port number: " + port + "\n";
    }
    return complaints.empty();
}

std::string describe(const config& c) {
    auto out =
        fmt::format("log: {{ level: {} }}\n"
                    "ops: {{ address: {}, port: {} }}\n"
                    "messaging: {{ url: \"{}\", secret_file: \"{}\", token_file: \"{}\", ca_file: \"{}\" }}\n"
                    "platform:\n  url: \"{}\"\n  ca_file: \"{}\"\n  request_timeout: {}ms\n  requests_per_tenant: {}\n"
                    "  tenants:\n",
                    level_name(c.log_level), c.ops.address, c.ops.port, c.messaging.url, c.messaging.secret_file,
                    c.messaging.token_file, c.messaging.ca_file, c.platform.url, c.platform.ca_file,
                    c.platform.request_timeout.count(), c.platform.requests_per_tenant);
    for (const auto& one : c.platform.tenants)
        out += fmt::format("    - {{ tenant: {}, user: {}, password: \"***\" }}\n", one.tenant, one.user);
    return out + fmt::format("mappings: {{ directory: \"{}\" }}\n", c.mappings_directory);
}

} // namespace mapper
