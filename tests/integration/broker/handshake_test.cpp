// The listener with real sockets and TLS, without messaging behind it: what happens before CONNECT, and the end.
#include "broker/edge/listener.hpp"
#include "common/auth/file_provider.hpp"
#include "common/net/handshake_pacer.hpp"
#include "tests/integration/common/net_fixture.hpp"
#include "tests/integration/common/openssl_client.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/packet_bytes.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <functional>
#include <future>

using namespace broker;
using namespace fixture;

namespace {

/// Everything a listener needs; the link to messaging is never opened.
class edge_alone {
  public:
    support::manual_clock time;
    edge::edge_limits limits;
    edge::edge_counters counters;
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
            *cache_, nullptr, [this](std::string_view tenant) { return rules(tenant); }, time);
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

} // namespace

TEST_CASE("listener: handshakes over the limit are not accepted; silent ones give way", "[edge][tls]") {
    edge_alone at;
    at.limits.handshakes_max = 2;
    const auto port = at.open(true);
    std::vector<std::unique_ptr<raw_peer>> silent;
    for (int i = 0; i < 3; ++i) silent.push_back(at.connect(port));
    at.until([&] { return at.counters.accepting_paused == 1; });
    for (int turn = 0; turn < 20; ++turn) at.loop.run_one_for(5ms);
    CHECK(at.counters.accepted[1] == 2);
    CHECK(at.listener->connections() == 2);
    auto client = std::async(std::launch::async, openssl_connect, port, openssl_offer{});
    // The two that say nothing lose their slots after a second; the third and the client follow.
    at.time.advance(1001ms);
    at.until([&] { return at.counters.accepted[1] >= 3; });
    at.time.advance(1001ms);
    at.until([&] { return at.counters.handshakes_full == 1; });
    CHECK(at.counters.accepted[1] == 4);
    at.stop();
    (void)client.get();
    CHECK(at.counters.handshakes_now == 0);
}

TEST_CASE("listener: a handshake that does not end in time is ended", "[edge][tls]") {
    edge_alone at;
    at.limits.handshake_timeout = 5s;
    const auto port = at.open(true);
    const auto silent = at.connect(port);
    const auto begun = at.connect(port, packet_bytes::hex("16 0301 0200 01")); // a ClientHello that stops
    at.until([&] { return at.counters.handshakes_now == 2; });
    at.time.advance(4s);
    for (int turn = 0; turn < 10; ++turn) at.loop.run_one_for(50ms);
    CHECK(at.counters.handshakes_late == 0);
    at.time.advance(1001ms);
    CHECK(at.rest_of(*silent).empty());
    CHECK(at.rest_of(*begun).empty());
    at.until([&] { return at.listener->connections() == 0; });
    CHECK(at.counters.handshakes_late == 2);
    CHECK(at.counters.handshakes_failed == 2);
    at.stop();
}

TEST_CASE("listener: time for CONNECT runs from the end of the handshake", "[edge][tls]") {
    edge_alone at;
    at.limits.handshake_timeout = 10s;
    at.limits.connect_timeout = 10s;
    const auto port = at.open(true);
    const auto slow = at.connect(port);
    at.until([&] { return at.counters.handshakes_now == 1; });
    at.time.advance(9s);
    // The same connection cannot do TLS late with a raw peer: another one shows where the time begins.
    std::unique_ptr<raw_peer> quick;
    auto body = [](std::unique_ptr<raw_peer>& into, std::uint16_t to) -> asio::awaitable<void> {
        into = co_await raw_peer::connect(to, client_tls());
    };
    fixture::run(at.loop, body(quick, port));
    at.until([&] { return at.counters.handshakes_full == 1; });
    at.time.advance(9s);
    at.until([&] { return at.listener->connections() == 1; }); // the slow one is gone, the quick one may still speak
    at.time.advance(2s);
    CHECK(at.rest_of(*quick).empty());
    CHECK(at.counters.closed[static_cast<std::size_t>(session::close_reason::connect_timeout)] == 1);
    at.stop();
    (void)slow;
}

TEST_CASE("listener: every connection is looked after once a second, however many there are", "[edge]") {
    edge_alone at;
    at.limits.connect_timeout = 10s;
    const auto port = at.open(false);
    std::vector<std::unique_ptr<raw_peer>> peers;
    for (int i = 0; i < 57; ++i) peers.push_back(at.connect(port));
    at.until([&] { return at.listener->connections() == 57; });
    at.time.advance(10'001ms);
    at.until([&] { return at.listener->connections() == 0; });
    CHECK(at.counters.closed[static_cast<std::size_t>(session::close_reason::connect_timeout)] == 57);
    at.stop();
}

TEST_CASE("listener: connections over the limit are closed and counted", "[edge]") {
    edge_alone at;
    at.limits.connections_max = 2;
    const auto port = at.open(false);
    const auto first = at.connect(port);
    const auto second = at.connect(port);
    const auto third = at.connect(port);
    CHECK(at.rest_of(*third).empty());
    CHECK(at.counters.refused_connections == 1);
    CHECK(at.listener->connections() == 2);
    at.limits.connections_max = 3; // a reload changes it in place
    const auto fourth = at.connect(port);
    at.until([&] { return at.listener->connections() == 3; });
    at.stop();
}

TEST_CASE("listener: a client that the store does not answer is sent away after a while", "[edge]") {
    edge_alone at;
    at.limits.link_grace = 5s;
    const auto port = at.open(false);
    using packet_bytes::text;
    const auto peer = at.connect(port, packet_bytes::packet(0x10, text("MQTT") + packet_bytes::hex("05 c2 003c 00") +
                                                                      text("c1") + text("t1/u") + text("p")));
    at.until([&] { return at.logins() == 1; });
    at.time.advance(4s);
    for (int turn = 0; turn < 10; ++turn) at.loop.run_one_for(50ms);
    CHECK(at.listener->connections() == 1);
    at.time.advance(2s);
    const auto said = at.rest_of(*peer);
    REQUIRE(said.size() > 4);
    CHECK(packet_bytes::dump(said.substr(0, 1)) == "20");
    CHECK(packet_bytes::dump(said.substr(3, 1)) == "88");
    at.stop();
}

TEST_CASE("listener: an exception ends the connection that it comes from and no other", "[edge]") {
    edge_alone at;
    at.rules = [](std::string_view tenant) -> login::tenant_rules {
        if (tenant == "bad") throw std::bad_alloc();
        return {};
    };
    const auto port = at.open(false);
    using packet_bytes::text;
    const auto hello = [](const char* user) {
        return packet_bytes::packet(0x10, text("MQTT") + packet_bytes::hex("05 c2 003c 00") + text("c1") + text(user) +
                                              text("p"));
    };
    const auto silent = at.connect(port);
    const auto unlucky = at.connect(port, hello("bad/u"));
    CHECK(at.rest_of(*unlucky).empty());
    at.until([&] { return at.listener->connections() == 1; });
    const auto good = at.connect(port, hello("t1/u"));
    at.until([&] { return at.logins() == 1; });
    CHECK(at.listener->connections() == 2);
    at.stop();
    CHECK(at.listener->connections() == 0);
}

TEST_CASE("listener: stopping ends silent, half-done and handshaking connections at once", "[edge][tls]") {
    const bool secure = GENERATE(false, true);
    edge_alone at;
    const auto port = at.open(secure);
    const auto silent = at.connect(port);
    const auto half = at.connect(port, packet_bytes::hex("10 30"));
    at.until([&] { return at.listener->connections() == 2; });
    at.stop(5s, 5s);
    CHECK(at.listener->connections() == 0);
    CHECK(at.rest_of(*silent).empty());
    CHECK(at.rest_of(*half).empty());
}
