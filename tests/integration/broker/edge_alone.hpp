// Everything a listener needs, without messaging behind it, over real sockets.
#pragma once

#include "broker/edge/listener.hpp"
#include "common/auth/file_provider.hpp"
#include "tests/integration/common/net_fixture.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/packet_bytes.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fixture {

using namespace broker;

/// Lets every certificate into the tenant that its client names.
struct scripted_trust final : auth::trust_source {
    void judge(core::tenant_id named, std::vector<std::string>, auth::judge_callback done) override {
        auth::judged_chain found;
        found.tenant = named;
        found.device.common_name = "device-7";
        found.device.leaf_fingerprint = "f";
        found.device.valid_until_s = valid_until_s;
        done(std::move(found));
    }
    core::result<void> still_trusted(const core::tenant_id& tenant, const auth::device_identity&) const override {
        ++looked_at;
        if (tenant.value == withdrawn) return auth::make_error_code(auth::errc::not_trusted);
        return {};
    }
    std::int64_t valid_until_s = 0;
    std::string withdrawn;
    mutable unsigned looked_at = 0;
};

/// The link to messaging is never opened.
class edge_alone {
  public:
    support::manual_clock time;
    edge::edge_limits limits;
    edge::edge_counters counters;
    scripted_trust trust;
    asio::io_context loop{1};

    edge_alone() {
        std::ofstream(directory_.file("tenants.yaml"))
            << "tenants: { t1: { users: { u: { password: { plain: p } } } } }\n";
        const auto post = [this](std::function<void()> f) { asio::post(loop, std::move(f)); };
        std::string complaints;
        users_ = auth::file_provider::open(directory_.file("tenants.yaml"), post, complaints);
        REQUIRE(users_);
        cache_ = std::make_unique<auth::credential_cache>(*users_, time, post);
        logins_ = std::make_unique<login::authenticator>(
            *cache_, &trust, [this](std::string_view tenant) { return rules(tenant); }, time);
        tenants_ = std::make_unique<tenant::tenant_registry>(tenant::tenant_defaults{},
                                                             [](std::string_view) { return nullptr; });
        relay_ = std::make_unique<relay::relay>(loop.get_executor(), msg_link::link_options{}, time);
        reports_ = std::make_unique<edge::reporter>(*relay_, time);
        shared_.emplace(edge::shared_parts{*relay_, *logins_, *tenants_, limits, time, counters, *reports_, scratch_});
        listener = std::make_unique<edge::listener>(loop.get_executor(), *shared_);
    }

    std::uint16_t open(bool secure) {
        net::acceptor_options options;
        options.address = "127.0.0.1";
        if (secure) options.tls = server_tls(true);
        const auto port = listener->open(std::move(options)).value();
        listener->start();
        return port;
    }
    /// Runs the loop until `what` holds; the test fails after a while.
    void until(const std::function<bool()>& what) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!what() && std::chrono::steady_clock::now() < deadline) {
            loop.restart();
            loop.run_one_for(10ms);
        }
        REQUIRE(what());
    }
    void stop(std::chrono::milliseconds grace = 1ms, std::chrono::milliseconds patience = 2s) {
        auto body = [](edge::listener& one, std::chrono::milliseconds a,
                       std::chrono::milliseconds b) -> asio::awaitable<void> { co_await one.stop(a, b); };
        fixture::run(loop, body(*listener, grace, patience));
    }
    /// A plain connection that says what it is told, if anything.
    std::unique_ptr<raw_peer> connect(std::uint16_t port, std::string bytes = {}) {
        std::unique_ptr<raw_peer> made;
        auto body = [](std::unique_ptr<raw_peer>& into, std::uint16_t to, std::string text) -> asio::awaitable<void> {
            into = co_await raw_peer::connect(to);
            if (!text.empty()) (void)co_await into->send(std::move(text));
        };
        fixture::run(loop, body(made, port, std::move(bytes)));
        return made;
    }
    /// A device with a certificate that says CONNECT (5.0) and waits for a store that does not answer.
    std::unique_ptr<raw_peer> connect_device(std::uint16_t port, std::string tenant) {
        const auto before = logins_->counters().accepted_certificate;
        std::unique_ptr<raw_peer> made;
        auto body = [](std::unique_ptr<raw_peer>& into, std::uint16_t to, std::string named) -> asio::awaitable<void> {
            using packet_bytes::text;
            into = co_await raw_peer::connect(to, client_tls(true));
            std::string hello = packet_bytes::packet(0x10, text("MQTT") + packet_bytes::hex("05 82 003c 00") +
                                                               text("device-7") + text(named));
            (void)co_await into->send(std::move(hello));
        };
        fixture::run(loop, body(made, port, std::move(tenant)));
        until([&] { return logins_->counters().accepted_certificate == before + 1; });
        return made;
    }
    std::uint64_t logins() const { return logins_->counters().accepted_password; }
    /// What comes until the other side ends the connection.
    std::string rest_of(raw_peer& peer) {
        std::string got;
        auto body = [](raw_peer& from, std::string& into) -> asio::awaitable<void> { into = co_await from.receive(); };
        fixture::run(loop, body(peer, got));
        return got;
    }

    std::unique_ptr<edge::listener> listener;
    login::rules_source rules = [](std::string_view) { return login::tenant_rules{}; };

  private:
    support::temp_dir directory_;
    std::vector<std::byte> scratch_ = std::vector<std::byte>(64 * 1024);
    std::unique_ptr<auth::file_provider> users_;
    std::unique_ptr<auth::credential_cache> cache_;
    std::unique_ptr<login::authenticator> logins_;
    std::unique_ptr<tenant::tenant_registry> tenants_;
    std::unique_ptr<relay::relay> relay_;
    std::unique_ptr<edge::reporter> reports_;
    std::optional<edge::shared_parts> shared_;
};

} // namespace fixture
