// Reloads by real files: what changes, what stays, and that a bad file changes nothing.
#include "broker/reloader.hpp"
#include "tests/integration/common/net_fixture.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <functional>

using namespace broker;
using namespace fixture;

namespace {

class reloading {
  public:
    asio::io_context loop{1};
    config settings;
    std::unique_ptr<auth::file_provider> users;
    std::shared_ptr<net::tls_context> tls;
    std::unique_ptr<tenant::tenant_registry> tenants;
    std::unique_ptr<reloader> under_test;

    explicit reloading(bool secure = false) {
        if (secure) {
            copy(certificates::get().server, "server.pem");
            copy(certificates::get().server_key, "server.key");
        }
        secure_ = secure;
        write("tenants.yaml", "tenants: { t1: { users: { u: { password: { plain: p } } } } }\n");
        write_settings("limits: { connections: 100 }\n");
        std::string complaints;
        INFO(complaints);
        REQUIRE(load(path("broker.yaml"), settings, complaints));
        const auto post = [this](std::function<void()> f) { asio::post(loop, std::move(f)); };
        users = auth::file_provider::open(path("tenants.yaml"), post, complaints);
        REQUIRE(users);
        if (secure) tls = net::tls_context::server(settings.tls_options).value();
        tenants = std::make_unique<tenant::tenant_registry>(settings.tenants, [](std::string_view) { return nullptr; });
        under_test = std::make_unique<reloader>(loop.get_executor(), settings, users.get(), *tenants, tls);
        under_test->start();
    }
    ~reloading() {
        auto body = [](reloader& one) -> asio::awaitable<void> { co_await one.stop(); };
        fixture::run(loop, body(*under_test));
    }

    std::string path(const std::string& name) const { return directory_.file(name); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name + ".new")) << text;
        std::filesystem::rename(path(name + ".new"), path(name));
    }
    void copy(const std::string& from, const std::string& name) const {
        std::ostringstream text;
        text << std::ifstream(from).rdbuf();
        write(name, text.str());
    }
    void write_settings(const std::string& more, const std::string& tls_more = "") const {
        write("broker.yaml", "messaging: { url: 'ws://127.0.0.1:1', secret_file: s }\nauth: { file: '" +
                                 path("tenants.yaml") +
                                 "' }\nreload: { interval: 100ms }\nlisten:\n  plain: { port: 1 }\n" +
                                 (secure_ ? "  tls: { port: 2, certificate: '" + path("server.pem") + "', key: '" +
                                                path("server.key") + "'" + tls_more + " }\n"
                                          : "") +
                                 more);
    }
    void until(const std::function<bool()>& what) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!what() && std::chrono::steady_clock::now() < deadline) {
            loop.restart();
            loop.run_one_for(50ms);
        }
        REQUIRE(what());
    }

  private:
    support::temp_dir directory_;
    bool secure_ = false;
};

} // namespace

TEST_CASE("reload: limits, tenant defaults and log level follow the file", "[reload]") {
    reloading at;
    const auto before = at.tenants->find_or_make("t1")->settings();
    at.write_settings("log: { level: warn }\nlimits: { connections: 7, packet_bytes: 64KiB, handshakes: 3 }\n"
                      "tenant_defaults: { profile: ga }\n");
    at.until([&] { return at.under_test->settings_count().done == 1; });
    CHECK(at.settings.limits.connections_max == 7);
    CHECK(at.settings.limits.handshakes_max == 3);
    CHECK(at.settings.log_level == core::log::level::warn);
    CHECK(at.tenants->find_or_make("t1")->settings()->profile == "ga");
    CHECK(at.tenants->find_or_make("t2")->settings()->session.packet_bytes_max == 64 * 1024);
    CHECK(before->profile == "preview"); // a connection keeps what it was accepted with
    core::log::set_level(core::log::level::info);
}

TEST_CASE("reload: a bad settings file changes nothing and is counted once", "[reload]") {
    reloading at;
    at.write_settings("limits: { conections: 7 }\nlog: { level: off }\n");
    at.until([&] { return at.under_test->settings_count().failed == 1; });
    CHECK(at.settings.limits.connections_max == 100);
    CHECK(at.settings.log_level == core::log::level::info);
    at.write_settings("limits: { connections: 8 }\n");
    at.until([&] { return at.under_test->settings_count().done == 1; });
    CHECK(at.settings.limits.connections_max == 8);
    CHECK(at.under_test->settings_count().failed == 1);
}

TEST_CASE("reload: what only a restart changes is named", "[reload]") {
    config running;
    config fresh;
    CHECK(fixed_differences(running, fresh).empty());
    fresh.limits.connections_max = 1;
    fresh.tls_options.ciphers = "x";
    CHECK(fixed_differences(running, fresh).empty());
    fresh.plain.port = 1;
    fresh.ops_port = 2;
    fresh.messaging_url = "ws://elsewhere";
    CHECK(fixed_differences(running, fresh) == "listen.plain, ops.port, messaging.url");
    fresh = {};
    fresh.ops_token_file = "token";
    fresh.logins.throttle.window = std::chrono::seconds(1);
    CHECK(fixed_differences(running, fresh) == "ops.token_file, auth.throttle");
    // Also what only differs in a secret, which is not part of what `--check` prints.
    running.logins.platform.service_users = {{"t1", "service", "old"}};
    fresh = running;
    fresh.logins.platform.service_users[0].password = "new";
    CHECK(describe(running) == describe(fresh));
    CHECK(fixed_differences(running, fresh) == "auth.platform");
    fresh = running;
    fresh.logins.file = "other.yaml";
    fresh.logins.provider = auth::provider_kind::platform;
    CHECK(fixed_differences(running, fresh) == "auth.provider, auth.file");
}

TEST_CASE("reload: users by file, a bad one leaves the old", "[reload]") {
    reloading at;
    at.write("tenants.yaml", "tenants: { t1: { users: { u: { pasword: x } } } }\n");
    at.until([&] { return at.under_test->users_count().failed == 1; });
    CHECK(at.users->directory()->tenants.contains(core::tenant_id("t1")));
    at.write("tenants.yaml", "tenants: { t2: { users: { u: { password: { plain: p } } } } }\n");
    at.until([&] { return at.under_test->users_count().done == 1; });
    CHECK(at.users->directory()->tenants.contains(core::tenant_id("t2")));
}

TEST_CASE("reload: a trust anchor's file is watched, too", "[reload]") {
    reloading at;
    at.copy(certificates::get().ca, "anchor.pem");
    at.write("tenants.yaml", "tenants: { t1: { trust_anchors: [ { name: a, file: anchor.pem } ] } }\n");
    at.until([&] { return at.under_test->users_count().done == 1; });
    at.copy(certificates::get().other_ca, "anchor.pem");
    at.until([&] { return at.under_test->users_count().done == 2; });
    at.write("anchor.pem", "no certificate\n");
    at.until([&] { return at.under_test->users_count().failed == 1; });
}

TEST_CASE("reload: a file that was missing is noticed when it comes", "[reload]") {
    reloading at;
    at.write("tenants.yaml", "tenants: { t1: { trust_anchors: [ { name: a, file: anchor.pem } ] } }\n");
    at.until([&] { return at.under_test->users_count().failed == 1; });
    at.copy(certificates::get().ca, "anchor.pem");
    at.until([&] { return at.under_test->users_count().done == 1; });
    CHECK(at.users->directory()->trust.anchors(core::tenant_id("t1")).size() == 1);
}

TEST_CASE("reload: SIGHUP reads all three again", "[reload]") {
    reloading at(true);
    at.under_test->reload_all();
    at.until([&] { return at.under_test->users_count().done == 1; });
    CHECK(at.under_test->settings_count().done == 1);
    CHECK(at.under_test->certificates_count().done == 1);
}

TEST_CASE("reload: certificate and key by file, together or not at all", "[reload][tls]") {
    reloading at(true);
    const auto expires = at.tls->certificates().at(0).expires_s;
    CHECK(expires > 0);
    at.copy(certificates::get().server_rsa, "server.pem"); // its key does not follow
    at.until([&] { return at.under_test->certificates_count().failed == 1; });
    CHECK(at.under_test->certificates_count().done == 0);
    at.copy(certificates::get().server_rsa_key, "server.key");
    at.until([&] { return at.under_test->certificates_count().done == 1; });
}

TEST_CASE("reload: settings whose TLS cannot be used are refused as a whole", "[reload][tls]") {
    reloading at(true);
    at.write_settings("limits: { connections: 7 }\n", ", ciphers: NONSENSE");
    at.until([&] { return at.under_test->settings_count().failed == 1; });
    CHECK(at.settings.limits.connections_max == 100);
    at.write_settings("limits: { connections: 7 }\n", ", ciphers: ECDHE+AESGCM, min_version: 1.3");
    at.until([&] { return at.under_test->settings_count().done == 1; });
    CHECK(at.settings.limits.connections_max == 7);
    CHECK(at.settings.tls_options.min_version == net::tls_version::v1_3);
}
