#include "common/auth/auth_settings.hpp"

#include "common/core/config_node.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace auth;
using Catch::Contains;

namespace {

/// Sets a variable of the environment for one test.
struct environment {
    explicit environment(const char* variable, const char* value) : name(variable) { ::setenv(name, value, 1); }
    ~environment() { ::unsetenv(name); }
    const char* name;
};

struct reading {
    auth_settings settings;
    std::string complaints;
    explicit reading(const std::string& yaml, bool with_certificates = true) {
        settings.file = "tenants.yaml";
        auto document = core::config_document::parse("auth:\n" + yaml, "broker.yaml");
        auto root = document.root();
        auto node = root.child("auth");
        read_auth_settings(node, settings, with_certificates);
        node.finish();
        complaints = document.complaint_text();
    }
};

} // namespace

TEST_CASE("auth settings: defaults and each key", "[auth]") {
    const reading nothing("  provider: file\n");
    CHECK(nothing.complaints.empty());
    CHECK(nothing.settings.provider == provider_kind::file);
    CHECK(nothing.settings.file == "tenants.yaml");
    const reading all(
        "  provider: platform\n  file: t.yaml\n  platform:\n    url: https://example.com\n    ca_file: ca.pem\n"
        "    timeout: 1s\n    lifetime: 2s\n    negative_lifetime: 3s\n    stale_lifetime: 4s\n"
        "    concurrent_max: 5\n    waiting_max: 6\n    failures_max: 7\n    pause: 8s\n"
        "    certificates_refresh: 9s\n"
        "    service_users: [ { tenant: t1, user: u1, password: p1 }, { tenant: t2, user: u2, password: p2 } ]\n"
        "    bootstrap: { tenant: m, user: b, password: s }\n");
    CHECK(all.complaints.empty());
    const auto& p = all.settings.platform;
    CHECK(all.settings.provider == provider_kind::platform);
    CHECK(p.service_users.size() == 2);
    CHECK(p.bootstrap.user == "b");
    const auto text = describe(all.settings, true);
    for (const char* part :
         {"provider: platform", "file: \"t.yaml\"", "url: \"https://example.com\"", "ca_file: \"ca.pem\"",
          "timeout: 1000ms", "lifetime: 2000ms", "negative_lifetime: 3000ms", "stale_lifetime: 4000ms",
          "concurrent_max: 5", "waiting_max: 6", "failures_max: 7", "pause: 8000ms", "certificates_refresh: 9000ms",
          "tenant: \"t2\", user: \"u2\", password: \"***\"",
          "bootstrap: { tenant: \"m\", user: \"b\", password: \"***\" }"})
        CHECK_THAT(text, Contains(part));
    CHECK_THAT(text, !Contains("p1") && !Contains("\"s\""));
    CHECK_THAT(describe(all.settings, false), !Contains("bootstrap"));
}

TEST_CASE("auth settings: with the platform a file must be asked for", "[auth]") {
    CHECK(reading("  provider: platform\n").settings.file.empty());
    CHECK(reading("  provider: platform\n  file: x.yaml\n").settings.file == "x.yaml");
}

TEST_CASE("auth settings: mistakes are told", "[auth]") {
    const auto complaints = [](const std::string& yaml) { return reading(yaml).complaints; };
    const auto platform = [&](const std::string& yaml) { return complaints("  platform: { " + yaml + " }\n"); };
    CHECK_THAT(complaints("  provider: ldap\n"), Contains("provider must be file or platform"));
    CHECK_THAT(platform("url: mqtt://x"), Contains("http://"));
    CHECK_THAT(platform("url: ''"), Contains("http://"));
    CHECK_THAT(platform("timeout: 1ms"), Contains("at least 100ms"));
    CHECK_THAT(platform("concurrent_max: 0"), Contains("1 to 256"));
    CHECK_THAT(platform("concurrent_max: 257"), Contains("1 to 256"));
    CHECK_THAT(platform("waiting_max: 0"), Contains("waiting_max"));
    CHECK_THAT(platform("failures_max: 0"), Contains("failures_max"));
    CHECK_THAT(platform("pause: 0s"), Contains("pause"));
    CHECK_THAT(platform("certificates_refresh: 10ms"), Contains("at least 1s"));
    CHECK_THAT(platform("bootstrap: { tenant: m }"), Contains("needs tenant, user and password"));
    CHECK_THAT(platform("service_users: [ { tenant: t } ]"), Contains("needs tenant, user and password"));
    CHECK_THAT(platform("service_users: [ { tenant: t, user: a, password: b }, { tenant: t, user: c, password: d } ]"),
               Contains("already"));
    CHECK_THAT(platform("tiemout: 1s"), Contains("timeout"));
    CHECK_THAT(reading("  platform: { bootstrap: {} }\n", false).complaints, Contains("bootstrap"));
}

TEST_CASE("auth settings: the platform's environment goes first", "[auth][ref-E.3]") {
    const environment url("C8Y_BASEURL", "http://cumulocity:8111");
    const environment tenant("C8Y_TENANT", "t7");
    const environment user("C8Y_USER", "service");
    {
        const reading half("  platform: { service_users: [ { tenant: t1, user: u, password: p } ] }\n");
        CHECK(half.settings.platform.service_users.front().tenant == "t1");
    }
    const environment password("C8Y_PASSWORD", "secret");
    const environment owner("C8Y_BOOTSTRAP_TENANT", "management");
    const environment bootstrap("C8Y_BOOTSTRAP_USER", "servicebootstrap");
    const environment word("C8Y_BOOTSTRAP_PASSWORD", "word");
    const reading all("  platform: { url: 'http://x:1', service_users: [ { tenant: t1, user: u, password: p } ] }\n");
    CHECK(all.complaints.empty());
    CHECK(all.settings.platform.url == "http://cumulocity:8111");
    REQUIRE(all.settings.platform.service_users.size() == 1);
    CHECK(all.settings.platform.service_users[0].tenant == "t7");
    CHECK(all.settings.platform.bootstrap.tenant == "management");
    CHECK(all.settings.platform.bootstrap.password == "word");
}
