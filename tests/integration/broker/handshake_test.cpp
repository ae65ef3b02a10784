// The listener with real sockets and TLS, without messaging behind it: what happens before CONNECT, and the end.
#include "tests/integration/broker/edge_alone.hpp"
#include "tests/integration/common/openssl_client.hpp"

#include <future>

using namespace fixture;

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
