#include "tests/integration/common/net_fixture.hpp"
#include "tests/integration/common/openssl_client.hpp"
#include "tests/support/manual_clock.hpp"

#include "common/async/task_group.hpp"
#include "common/net/error.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

#include <openssl/ssl.h>

#include <fstream>
#include <future>

using namespace fixture;

namespace {

net::tls_server_options both_certificates() {
    net::tls_server_options made;
    made.certificate = certificates::get().server;
    made.key = certificates::get().server_key;
    made.more_certificates.push_back({certificates::get().server_rsa, certificates::get().server_rsa_key});
    made.ask_for_client_certificate = true;
    return made;
}

/// A listener that sends everything back, for any number of clients one after the other.
class echo_server {
  public:
    explicit echo_server(std::shared_ptr<net::tls_context> tls)
        : acceptor_(loop_.get_executor(), options(std::move(tls))), tasks_(loop_.get_executor(), "echo") {
        REQUIRE(acceptor_.open().has_value());
        tasks_.spawn("accept", accept());
    }
    ~echo_server() {
        acceptor_.close();
        tasks_.stop();
        loop_.restart();
        loop_.poll();
    }

    /// Runs the loop until the client is done.
    openssl_outcome serve(openssl_offer offer = {}) {
        auto client = std::async(std::launch::async, openssl_connect, acceptor_.port(), std::move(offer));
        loop_.restart();
        while (client.wait_for(0s) != std::future_status::ready) loop_.run_one_for(1ms);
        loop_.poll();
        return client.get();
    }
    net::connection_security last_security;
    std::size_t last_chain = 0;

  private:
    static net::acceptor_options options(std::shared_ptr<net::tls_context> tls) {
        net::acceptor_options made;
        made.address = "127.0.0.1";
        made.tls = std::move(tls);
        return made;
    }
    asio::awaitable<void> accept() {
        while (true) {
            auto accepted = co_await acceptor_.accept();
            if (!accepted) co_return;
            tasks_.spawn("echo", echo(std::move(*accepted)));
        }
    }
    asio::awaitable<void> echo(std::unique_ptr<net::transport> over) {
        raw_peer peer(std::move(over));
        const auto failed = co_await peer.transport().handshake();
        if (failed) co_return;
        last_security = peer.transport().security();
        last_chain = peer.transport().peer().der.size();
        auto got = co_await peer.receive(".");
        (void)co_await peer.send(std::move(got));
        (void)co_await peer.receive();
    }

    asio::io_context loop_{1};
    net::acceptor acceptor_;
    async::task_group tasks_;
};

} // namespace

TEST_CASE("tls: P-256 and RSA certificates side by side, each client gets one it can check", "[net][tls]") {
    echo_server server(net::tls_context::server(both_certificates()).value());
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    openssl_offer offer;
    offer.max_version = version;
    SECTION("able to do both: P-256, which is cheaper for the server") {
        CHECK(server.serve(offer).server_common_name == "server");
    }
    SECTION("RSA only") {
        offer.signature_algorithms = "RSA-PSS+SHA256:RSA+SHA256";
        const auto seen = server.serve(offer);
        CHECK(seen.server_common_name == "server-rsa");
        CHECK(seen.echo == "ping.");
    }
    SECTION("P-256 only") {
        offer.signature_algorithms = "ECDSA+SHA256";
        CHECK(server.serve(offer).server_common_name == "server");
    }
    SECTION("the client prefers RSA: the server's order counts") {
        offer.signature_algorithms = "RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA256";
        offer.ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
        CHECK(server.serve(offer).server_common_name == "server");
    }
}

TEST_CASE("tls: the certificate is sent with any server name or none", "[net][tls]") {
    echo_server server(net::tls_context::server(both_certificates()).value());
    for (const char* name : {"", "localhost", "another.example.com"}) {
        openssl_offer offer;
        offer.server_name = name;
        const auto seen = server.serve(offer);
        INFO("SNI " << name);
        CHECK(seen.server_common_name == "server");
        CHECK(seen.echo == "ping.");
    }
}

TEST_CASE("tls: with and without client certificate on the same port", "[net][tls]") {
    echo_server server(net::tls_context::server(both_certificates()).value());
    openssl_offer offer;
    CHECK(server.serve(offer).echo == "ping.");
    CHECK(server.last_chain == 0);
    offer.device_certificate = true;
    CHECK(server.serve(offer).echo == "ping.");
    CHECK(server.last_chain == 2);
}

TEST_CASE("tls: versions and ciphers are those of the settings", "[net][tls]") {
    auto options = both_certificates();
    openssl_offer old;
    old.max_version = TLS1_2_VERSION;
    SECTION("both versions by default") {
        echo_server server(net::tls_context::server(options).value());
        CHECK(server.serve().version == "TLSv1.3");
        CHECK(server.last_security.protocol == "TLSv1.3");
        CHECK(server.serve(old).version == "TLSv1.2");
    }
    SECTION("1.3 only") {
        options.min_version = net::tls_version::v1_3;
        echo_server server(net::tls_context::server(options).value());
        CHECK(server.serve().version == "TLSv1.3");
        CHECK_FALSE(server.serve(old).connected);
    }
    SECTION("named ciphers") {
        options.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
        options.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
        options.curves = "P-256";
        echo_server server(net::tls_context::server(options).value());
        CHECK(server.serve().cipher == "TLS_CHACHA20_POLY1305_SHA256");
        CHECK(server.serve(old).cipher == "ECDHE-ECDSA-AES128-GCM-SHA256");
    }
}

TEST_CASE("tls: wrong settings are refused with their name", "[net][tls]") {
    std::string why;
    auto options = both_certificates();
    SECTION("ciphers") {
        options.ciphers = "NONSENSE";
        CHECK(net::tls_context::server(options, &why).error() == net::errc::bad_tls_setting);
        CHECK_THAT(why, Catch::StartsWith("ciphers `NONSENSE`"));
    }
    SECTION("ciphersuites") {
        options.ciphersuites = "TLS_NONSENSE";
        CHECK(net::tls_context::server(options, &why).error() == net::errc::bad_tls_setting);
        CHECK_THAT(why, Catch::StartsWith("ciphersuites"));
    }
    SECTION("curves") {
        options.curves = "P-255";
        CHECK(net::tls_context::server(options, &why).error() == net::errc::bad_tls_setting);
        CHECK_THAT(why, Catch::StartsWith("curves"));
    }
    SECTION("two certificates of one kind") {
        options.more_certificates.push_back({certificates::get().server, certificates::get().server_key});
        CHECK(net::tls_context::server(options, &why).error() == net::errc::bad_certificate_file);
        CHECK_THAT(why, Catch::Contains("the same kind of key"));
    }
    SECTION("a missing file is named") {
        options.more_certificates.front().key = "/nonexistent.key";
        CHECK(net::tls_context::server(options, &why).error() == net::errc::bad_certificate_file);
        CHECK_THAT(why, Catch::Contains("/nonexistent.key"));
    }
}

TEST_CASE("tls: a session ticket is taken again, over a reload of the certificates too", "[net][tls]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    const auto context = net::tls_context::server(both_certificates()).value();
    echo_server server(context);
    openssl_offer offer;
    offer.max_version = version;
    auto first = server.serve(offer);
    CHECK(first.connected);
    CHECK_FALSE(first.resumed);
    CHECK_FALSE(server.last_security.resumed);
    REQUIRE(context->reload().has_value());
    offer.session = first.session;
    const auto second = server.serve(offer);
    CHECK(second.resumed);
    CHECK(second.echo == "ping.");
    CHECK(server.last_security.resumed);
}

TEST_CASE("tls: a client with a certificate always does the whole handshake", "[net][tls]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    echo_server server(net::tls_context::server(both_certificates()).value());
    openssl_offer offer;
    offer.max_version = version;
    offer.device_certificate = true;
    offer.session = server.serve(offer).session;
    const auto second = server.serve(offer);
    CHECK_FALSE(second.resumed);
    CHECK(second.echo == "ping.");
    CHECK(server.last_chain == 2);
}

TEST_CASE("tls: ticket keys rotate, two old ones still open, a third does not", "[net][tls]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    support::manual_clock time;
    auto options = both_certificates();
    options.tickets = std::make_shared<net::ticket_keys>(time);
    echo_server server(net::tls_context::server(std::move(options)).value());
    openssl_offer offer;
    offer.max_version = version;
    offer.session = server.serve(offer).session;
    time.advance(25h); // two rotations
    CHECK(server.serve(offer).resumed);
    time.advance(12h);
    const auto late = server.serve(offer);
    CHECK(late.connected);
    CHECK_FALSE(late.resumed);
    offer.session = late.session;
    CHECK(server.serve(offer).resumed);
}

TEST_CASE("tls: a ticket that was tampered with means a whole handshake, not an error", "[net][tls]") {
    support::manual_clock time;
    auto options = both_certificates();
    options.tickets = std::make_shared<net::ticket_keys>(time);
    openssl_offer offer;
    {
        echo_server other(net::tls_context::server(options).value());
        offer.session = other.serve(offer).session;
    }
    options.tickets = std::make_shared<net::ticket_keys>(time); // another process: other keys
    echo_server server(net::tls_context::server(std::move(options)).value());
    const auto seen = server.serve(offer);
    CHECK(seen.connected);
    CHECK_FALSE(seen.resumed);
    CHECK(seen.echo == "ping.");
}

TEST_CASE("tls: a paced listener serves everybody", "[net][tls]") {
    static const core::system_clock time;
    asio::io_context loop(1);
    // Every step uses up its turn, so that each waits for a turn of its own.
    auto pacer = std::make_shared<net::handshake_pacer>(loop.get_executor(), time, 1us);
    auto options = both_certificates();
    options.pacer = pacer;
    net::acceptor_options at;
    at.address = "127.0.0.1";
    at.tls = net::tls_context::server(std::move(options)).value();
    net::acceptor acceptor(loop.get_executor(), at);
    REQUIRE(acceptor.open().has_value());
    std::size_t waited = 0;
    auto serve = [](std::unique_ptr<net::transport> over, net::handshake_pacer& by, std::size_t& most,
                    std::size_t& done) -> asio::awaitable<void> {
        const auto failed = co_await over->handshake();
        most = std::max(most, by.waiting());
        CHECK(!failed);
        ++done;
        raw_peer peer(std::move(over));
        (void)co_await peer.receive();
    };
    auto connect = [](std::uint16_t port, std::size_t& done) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(port, client_tls());
        ++done;
        peer->transport().close();
    };
    auto body = [&](net::acceptor& on, net::handshake_pacer& by, std::size_t& most) -> asio::awaitable<void> {
        constexpr std::size_t clients = 20;
        std::size_t served = 0;
        std::size_t connected = 0;
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        for (std::size_t i = 0; i < clients; ++i) tasks.spawn("client", connect(on.port(), connected));
        for (std::size_t i = 0; i < clients; ++i) {
            auto accepted = co_await on.accept();
            tasks.spawn("server", serve(std::move(*accepted), by, most, served));
        }
        co_await tasks.join();
        CHECK(served == clients);
        CHECK(connected == clients);
    };
    run(loop, body(acceptor, *pacer, waited));
    CHECK(waited > 0);
    CHECK(pacer->waiting() == 0);
}
