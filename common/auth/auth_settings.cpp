#include "common/auth/auth_settings.hpp"

#include "common/core/config_node.hpp"
#include "common/net/url.hpp"

#include <fmt/core.h>

#include <cstdlib>

namespace auth {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// All three variables, or an empty tenant.
platform::credentials from_environment(const std::string& prefix) {
    platform::credentials who{environment((prefix + "TENANT").c_str()), environment((prefix + "USER").c_str()),
                              environment((prefix + "PASSWORD").c_str())};
    if (who.user.empty() || who.password.empty()) who.tenant.clear();
    return who;
}

platform::credentials read_credentials(core::config_node node, bool required) {
    platform::credentials who;
    node.read("tenant", who.tenant);
    node.read("user", who.user);
    node.read("password", who.password);
    node.finish();
    const bool all = !who.tenant.empty() && !who.user.empty() && !who.password.empty();
    const bool none = who.tenant.empty() && who.user.empty() && who.password.empty();
    if (!all && (required || !none)) node.complain("needs tenant, user and password");
    return who;
}

void read_certificates(core::config_node& node, platform_settings& into) {
    node.read("certificates_refresh", into.certificates_refresh);
    auto users = node.child("service_users");
    for (auto& item : users.items()) {
        auto who = read_credentials(item, true);
        for (const auto& other : into.service_users)
            if (other.tenant == who.tenant) item.complain("the tenant " + who.tenant + " has a service user already");
        into.service_users.push_back(std::move(who));
    }
    into.bootstrap = read_credentials(node.child("bootstrap"), false);
    if (auto own = from_environment("C8Y_"); !own.tenant.empty()) into.service_users = {std::move(own)};
    if (auto own = from_environment("C8Y_BOOTSTRAP_"); !own.tenant.empty()) into.bootstrap = std::move(own);
    if (into.certificates_refresh < std::chrono::seconds(1)) node.complain("certificates_refresh must be at least 1s");
}

void read_platform(core::config_node node, platform_settings& into, bool with_certificates) {
    node.read("url", into.url);
    if (const auto base = environment("C8Y_BASEURL"); !base.empty()) into.url = base;
    node.read("ca_file", into.ca_file);
    node.read("timeout", into.timeout);
    node.read("lifetime", into.lifetime);
    node.read("negative_lifetime", into.negative_lifetime);
    node.read("stale_lifetime", into.stale_lifetime);
    node.read("concurrent_max", into.concurrent_max);
    node.read("waiting_max", into.waiting_max);
    node.read("failures_max", into.failures_max);
    node.read("pause", into.pause);
    if (with_certificates) read_certificates(node, into);
    node.finish();
    const auto url = net::parse_url(into.url);
    if (!url || (url->scheme != "http" && url->scheme != "https"))
        node.complain("url must be http://host:port or https://host:port");
    if (into.timeout < std::chrono::milliseconds(100)) node.complain("timeout must be at least 100ms");
    if (into.concurrent_max < 1 || into.concurrent_max > 256) node.complain("concurrent_max must be from 1 to 256");
    if (into.waiting_max < 1) node.complain("waiting_max must be at least 1");
    if (into.failures_max < 1) node.complain("failures_max must be at least 1");
    if (into.pause < std::chrono::milliseconds(100)) node.complain("pause must be at least 100ms");
}

void read_throttle(core::config_node node, throttle_limits& into) {
    node.read("failures_per_user", into.failures_per_user);
    node.read("failures_per_address", into.failures_per_address);
    node.read("first_delay", into.first_delay);
    node.read("max_delay", into.max_delay);
    node.read("window", into.window);
    node.read("remembered_max", into.remembered_max);
    node.finish();
    if (into.max_delay < into.first_delay) node.complain("max_delay must not be shorter than first_delay");
    if (into.first_delay.count() < 1 || into.window.count() < 1)
        node.complain("first_delay and window must be at least 1ms");
}

std::string masked(const std::string& secret) { return secret.empty() ? "" : "***"; }

std::string describe_credentials(const platform::credentials& who) {
    return fmt::format("{{ tenant: \"{}\", user: \"{}\", password: \"{}\" }}", who.tenant, who.user,
                       masked(who.password));
}

} // namespace

void read_auth_settings(core::config_node& node, auth_settings& into, bool with_certificates) {
    std::string provider = "file";
    node.read("provider", provider);
    if (provider == "platform")
        into.provider = provider_kind::platform;
    else if (provider != "file")
        node.complain("provider must be file or platform");
    const bool named = node.read("file", into.file);
    // With the platform the file is an addition (profiles and limits): only who names it has one.
    if (!named && into.provider == provider_kind::platform) into.file.clear();
    read_platform(node.child("platform"), into.platform, with_certificates);
    read_throttle(node.child("throttle"), into.throttle);
}

std::string describe(const auth_settings& c, bool with_certificates) {
    const auto& p = c.platform;
    std::string text = fmt::format(
        "  provider: {}\n  file: \"{}\"\n  platform:\n    url: \"{}\"\n    ca_file: \"{}\"\n    timeout: {}ms\n"
        "    lifetime: {}ms\n    negative_lifetime: {}ms\n    stale_lifetime: {}ms\n    concurrent_max: {}\n"
        "    waiting_max: {}\n    failures_max: {}\n    pause: {}ms\n",
        c.provider == provider_kind::file ? "file" : "platform", c.file, p.url, p.ca_file, p.timeout.count(),
        p.lifetime.count(), p.negative_lifetime.count(), p.stale_lifetime.count(), p.concurrent_max, p.waiting_max,
        p.failures_max, p.pause.count());
    const auto& t = c.throttle;
    const auto throttle =
        fmt::format("  throttle:\n    failures_per_user: {}\n    failures_per_address: {}\n    first_delay: {}ms\n"
                    "    max_delay: {}ms\n    window: {}ms\n    remembered_max: {}\n",
                    t.failures_per_user, t.failures_per_address, t.first_delay.count(), t.max_delay.count(),
                    t.window.count(), t.remembered_max);
    if (!with_certificates) return text + throttle;
    text += fmt::format("    certificates_refresh: {}ms\n    service_users: [", p.certificates_refresh.count());
    for (std::size_t i = 0; i < p.service_users.size(); ++i)
        text += (i == 0 ? " " : ", ") + describe_credentials(p.service_users[i]);
    text += p.service_users.empty() ? "]\n" : " ]\n";
    return text + "    bootstrap: " + describe_credentials(p.bootstrap) + "\n" + throttle;
}

} // namespace auth
