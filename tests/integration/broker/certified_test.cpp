// Connections that rest on a client certificate: what ends them beside the client.
#include "tests/integration/broker/edge_alone.hpp"

using namespace fixture;

TEST_CASE("listener: who rests on a certificate is closed when its validity ends, if that is wished", "[edge][tls]") {
    edge_alone at;
    at.limits.link_grace = 1h;
    at.limits.connect_timeout = 1h;
    at.trust.valid_until_s = at.time.wall_ms() / 1000 + 60;
    const auto port = at.open(true);
    const auto device = at.connect_device(port, "t1");
    const auto closed = [&] {
        return at.counters.closed[static_cast<std::size_t>(session::close_reason::certificate_expired)];
    };
    at.time.advance(59s);
    at.limits.close_at_certificate_end = false; // a reload changes it in place
    at.time.advance(1h - 2min);
    for (int turn = 0; turn < 30; ++turn) at.loop.run_one_for(50ms);
    CHECK(at.listener->connections() == 1);
    CHECK(closed() == 0);
    at.limits.close_at_certificate_end = true;
    const auto said = at.rest_of(*device);
    REQUIRE(said.size() > 4);
    CHECK(packet_bytes::dump(said.substr(0, 1)) == "20");
    CHECK(packet_bytes::dump(said.substr(3, 1)) == "87");
    at.time.advance(2s); // it may close first; it does not
    at.until([&] { return at.listener->connections() == 0; });
    at.stop();
}

TEST_CASE("listener: a tenant's changed trust looks at its own certified clients only", "[edge][tls]") {
    edge_alone at;
    at.limits.link_grace = 1h;
    at.limits.connect_timeout = 1h;
    at.trust.valid_until_s = at.time.wall_ms() / 1000 + 7'200;
    const auto port = at.open(true);
    const auto one = at.connect_device(port, "t1");
    const auto other = at.connect_device(port, "t2");
    const auto silent = at.connect(port);
    at.trust.withdrawn = "t2";
    at.listener->recheck(at.trust, "t1");
    CHECK(at.trust.looked_at == 1);
    at.listener->recheck(at.trust, "t3");
    CHECK(at.trust.looked_at == 1);
    at.listener->recheck(at.trust, "t2");
    CHECK(at.trust.looked_at == 2);
    const auto said = at.rest_of(*other);
    REQUIRE(said.size() > 4);
    CHECK(packet_bytes::dump(said.substr(3, 1)) == "87");
    at.time.advance(2s);
    at.until([&] { return at.listener->connections() == 2; });
    at.listener->recheck(at.trust); // all that are left
    CHECK(at.trust.looked_at == 3);
    at.stop();
    at.listener->recheck(at.trust);
    CHECK(at.trust.looked_at == 3); // they have left
    (void)one;
    (void)silent;
}
