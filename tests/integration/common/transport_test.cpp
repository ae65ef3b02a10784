#include "tests/integration/common/net_fixture.hpp"

#include "common/async/task_group.hpp"
#include "common/net/error.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <vector>

using namespace fixture;

namespace {

struct listening {
    explicit listening(asio::io_context& loop, std::shared_ptr<net::tls_context> tls = nullptr)
        : acceptor(loop.get_executor(), options(std::move(tls))), tasks(loop.get_executor(), "test") {
        REQUIRE(acceptor.open().has_value());
    }
    static net::acceptor_options options(std::shared_ptr<net::tls_context> tls) {
        net::acceptor_options made;
        made.address = "127.0.0.1";
        made.tls = std::move(tls);
        return made;
    }
    net::acceptor acceptor;
    async::task_group tasks;
};

/// Accepts one connection and sends everything back until the end; keeps what the peer showed.
asio::awaitable<void> echo_once(net::acceptor& on, net::peer_certificates& shown, core::error_code& end) {
    auto accepted = co_await on.accept();
    raw_peer peer(std::move(accepted).value());
    end = co_await peer.transport().handshake();
    if (end) co_return;
    shown = peer.transport().peer();
    for (;;) {
        std::byte some[777];
        const auto read = peer.transport().read_some(some);
        if (read.error) {
            end = read.error;
            co_return;
        }
        if (read.would_block) {
            const auto error = co_await peer.transport().wait_readable();
            if (error) co_return;
            continue;
        }
        std::string back(core::as_text({some, read.bytes}));
        const auto error = co_await peer.send(std::move(back));
        if (error) co_return;
    }
}

asio::awaitable<void> send_all(raw_peer& peer, std::string bytes) {
    const auto error = co_await peer.send(std::move(bytes));
    CHECK(!error);
}

/// Takes what comes in small steps, as a connection does that has more than it may use in one turn.
asio::awaitable<void> take_in_steps(net::acceptor& on, std::size_t& taken, std::size_t whole) {
    auto accepted = co_await on.accept();
    const auto peer = std::move(accepted).value();
    if (const auto error = co_await peer->handshake(); error) co_return;
    while (taken < whole) {
        const auto error = co_await peer->wait_readable();
        if (error) co_return;
        std::byte some[16];
        const auto read = peer->read_some(some);
        if (read.error) co_return;
        taken += read.bytes;
    }
}

/// What `taken` was at each turn of another task of the loop.
asio::awaitable<void> look_each_turn(const std::size_t& taken, std::size_t whole, std::vector<std::size_t>& seen) {
    const auto executor = co_await asio::this_coro::executor;
    while (taken < whole) {
        seen.push_back(taken);
        co_await asio::post(executor, asio::use_awaitable);
    }
}

std::uint16_t port_of(int descriptor) {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    return getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &size) == 0 ? ntohs(at.sin_port)
                                                                                 : std::uint16_t{0};
}

/// The descriptor that listens on `port`; -1 when there is none.
int listening_descriptor(std::uint16_t port) {
    for (int fd = 3; fd < 1024; ++fd) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
        if (port_of(fd) == port) return fd;
    }
    return -1;
}

asio::awaitable<void> accept_one(net::acceptor& on, bool& accepted, bool& ended) {
    const auto got = co_await on.accept();
    accepted = got.has_value();
    ended = true;
}

asio::awaitable<void> wait_for_data(net::transport& on, core::error_code& how) { how = co_await on.wait_readable(); }

} // namespace

TEST_CASE("transport: megabytes go both ways at once and end with eof", "[net]") {
    const bool secure = GENERATE(false, true);
    INFO("TLS " << secure);
    asio::io_context loop(1);
    listening server(loop, secure ? server_tls() : nullptr);
    net::peer_certificates shown;
    core::error_code end;
    server.tasks.spawn("echo", echo_once(server.acceptor, shown, end));
    auto body = [](listening& at, bool tls) -> asio::awaitable<void> {
        auto context = tls ? client_tls() : nullptr;
        auto peer = co_await raw_peer::connect(at.acceptor.port(), std::move(context));
        std::string sent(3 * 1024 * 1024, '\0');
        for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
        sent += "the end";
        at.tasks.spawn("sender", send_all(*peer, sent));
        const auto got = co_await peer->receive("the end");
        CHECK(got == sent);
        peer->transport().close();
        peer->transport().close();
        co_await at.tasks.join();
    };
    run(loop, body(server, secure));
    CHECK(end == asio::error::eof);
    CHECK(shown.der.empty());
}

TEST_CASE("tls: the client's chain is kept, leaf first, whoever signed it", "[net]") {
    asio::io_context loop(1);
    listening server(loop, server_tls(true));
    auto body = [](listening& at) -> asio::awaitable<void> {
        // The same context again: a ticket must not lose the intermediate certificate.
        const auto context = client_tls(true);
        for (int round = 0; round < 2; ++round) {
            net::peer_certificates shown;
            core::error_code end;
            at.tasks.spawn("echo", echo_once(at.acceptor, shown, end));
            auto peer = co_await raw_peer::connect(at.acceptor.port(), context);
            co_await send_all(*peer, "x.");
            const auto got = co_await peer->receive(".");
            CHECK(got == "x.");
            CHECK(shown.common_name == "device-7");
            CHECK(shown.der.size() == 2);
            CHECK(peer->transport().peer().common_name == "server");
            peer->transport().close();
            co_await at.tasks.join();
        }
    };
    run(loop, body(server));
}

TEST_CASE("tls: a client without certificate is accepted where one is asked for", "[net]") {
    asio::io_context loop(1);
    listening server(loop, server_tls(true));
    net::peer_certificates shown;
    core::error_code end;
    server.tasks.spawn("echo", echo_once(server.acceptor, shown, end));
    auto body = [](listening& at) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(at.acceptor.port(), client_tls());
        co_await send_all(*peer, "hello.");
        const auto got = co_await peer->receive(".");
        CHECK(got == "hello.");
        peer->transport().close();
        co_await at.tasks.join();
    };
    run(loop, body(server));
    CHECK(shown.der.empty());
    CHECK(shown.common_name.empty());
}

TEST_CASE("tls: the client refuses an unknown authority and a wrong name", "[net]") {
    // The certificate names 127.0.0.1; the listener also answers at 127.0.0.2.
    const bool wrong_name = GENERATE(false, true);
    asio::io_context loop(1);
    net::acceptor_options options = listening::options(server_tls());
    options.address = "0.0.0.0";
    net::acceptor acceptor(loop.get_executor(), options);
    REQUIRE(acceptor.open().has_value());
    auto body = [](net::acceptor& on, bool name) -> asio::awaitable<void> {
        net::tls_client_options trust;
        trust.ca_file = name ? certificates::get().ca : certificates::get().other_ca;
        const auto context = net::tls_context::client(std::move(trust)).value();
        net::peer_certificates shown;
        core::error_code end;
        async::task_group tasks(co_await asio::this_coro::executor, "test");
        tasks.spawn("echo", echo_once(on, shown, end));
        const std::string host = name ? "127.0.0.2" : "127.0.0.1";
        auto connected = co_await net::connect_transport(host, on.port(), context, 10s);
        REQUIRE(connected.has_error());
        CHECK(connected.error() == net::errc::certificate_refused);
        co_await tasks.join();
        CHECK(end);
    };
    run(loop, body(acceptor, wrong_name));
}

TEST_CASE("transport: close ends a wait, cancellation too", "[net]") {
    const bool secure = GENERATE(false, true);
    asio::io_context loop(1);
    listening server(loop, secure ? server_tls() : nullptr);
    auto body = [](listening& at, bool tls) -> asio::awaitable<void> {
        net::peer_certificates shown;
        core::error_code end;
        async::task_group echo(co_await asio::this_coro::executor, "echo");
        echo.spawn("echo", echo_once(at.acceptor, shown, end));
        auto context = tls ? client_tls() : nullptr;
        auto peer = co_await raw_peer::connect(at.acceptor.port(), std::move(context));
        co_await send_all(*peer, "x.");
        const auto got = co_await peer->receive(".");
        CHECK(got == "x.");
        // Session tickets and the like: read until nothing is left, so that the wait really waits.
        std::byte some[100];
        while (!peer->transport().read_some(some).would_block) {
        }
        core::error_code how;
        at.tasks.spawn("waiter", wait_for_data(peer->transport(), how));
        // The task needs some turns until it waits.
        const asio::any_io_executor executor = co_await asio::this_coro::executor;
        for (int turn = 0; turn < 5; ++turn) co_await asio::post(executor, asio::use_awaitable);
        CHECK(at.tasks.size() == 1);
        peer->transport().close();
        co_await at.tasks.join();
        CHECK(how == asio::error::operation_aborted);
        CHECK(peer->transport().read_some(some).error);
        CHECK(peer->transport().write_some(core::as_bytes("x")).error);
        const auto after = co_await peer->transport().wait_readable();
        CHECK(after);
        CHECK(peer->transport().remote_address() == "127.0.0.1:" + std::to_string(at.acceptor.port()));
        co_await echo.join();
    };
    run(loop, body(server, secure));
}

TEST_CASE("tls: garbage instead of a handshake is an error, and a silent peer is ended by close", "[net]") {
    asio::io_context loop(1);
    listening server(loop, server_tls());
    auto body = [](listening& at) -> asio::awaitable<void> {
        net::peer_certificates shown;
        core::error_code end;
        at.tasks.spawn("echo", echo_once(at.acceptor, shown, end));
        auto peer = co_await raw_peer::connect(at.acceptor.port());
        co_await send_all(*peer, "GET / HTTP/1.1\r\n\r\n");
        co_await at.tasks.join();
        CHECK(end);
        auto silent = co_await raw_peer::connect(at.acceptor.port());
        auto accepted = co_await at.acceptor.accept();
        asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
        timer.async_wait([&](const core::error_code&) { (*accepted)->close(); });
        const auto error = co_await (*accepted)->handshake();
        CHECK(error == asio::error::operation_aborted);
    };
    run(loop, body(server));
}

TEST_CASE("tls_context: reload serves the new files, a bad file changes nothing", "[net]") {
    net::tls_server_options options;
    options.certificate = certificates::get().server;
    options.key = certificates::get().device_key; // not the key of that certificate
    CHECK(net::tls_context::server(options).error() == net::errc::bad_certificate_file);
    options.key = "/nonexistent";
    CHECK(net::tls_context::server(options).error() == net::errc::bad_certificate_file);
    const std::string copied = certificates::get().ca + ".copy";
    const auto copy = [&](const std::string& from) {
        std::ofstream(copied, std::ios::trunc) << std::ifstream(from).rdbuf();
    };
    copy(certificates::get().server_key);
    options.key = copied;
    const auto context = net::tls_context::server(options).value();
    CHECK(context->reload().has_value());
    copy(certificates::get().ca); // not a key
    CHECK(context->reload().has_error());
    asio::io_context loop(1);
    listening server(loop, context);
    net::peer_certificates shown;
    core::error_code end;
    server.tasks.spawn("echo", echo_once(server.acceptor, shown, end));
    auto body = [](listening& at) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(at.acceptor.port(), client_tls());
        peer->transport().close();
        co_await at.tasks.join();
    };
    run(loop, body(server));
}

TEST_CASE("acceptor: bad and taken addresses are errors", "[net]") {
    asio::io_context loop(1);
    listening first(loop);
    net::acceptor_options taken = listening::options(nullptr);
    taken.port = first.acceptor.port();
    net::acceptor second(loop.get_executor(), taken);
    CHECK(second.open().error() == asio::error::address_in_use);
    taken.address = "localhost";
    net::acceptor third(loop.get_executor(), taken);
    CHECK(third.open().error() == net::errc::bad_address);
}

TEST_CASE("acceptor: out of descriptors it pauses and goes on when there are some again", "[net]") {
    asio::io_context loop(1);
    listening server(loop);
    auto body = [](listening& at) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(at.acceptor.port());
        rlimit before{};
        REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
        rlimit none = before;
        none.rlim_cur = 3;
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
        asio::steady_timer timer(co_await asio::this_coro::executor, 150ms);
        timer.async_wait([&](const core::error_code&) { setrlimit(RLIMIT_NOFILE, &before); });
        const auto started = std::chrono::steady_clock::now();
        auto accepted = co_await at.acceptor.accept();
        CHECK(accepted.has_value());
        CHECK(std::chrono::steady_clock::now() - started >= 150ms);
    };
    run(loop, body(server));
}

TEST_CASE("acceptor: an error of accept that is of no peer does not end it, nor does it spin", "[net]") {
    asio::io_context loop(1);
    listening server(loop);
    bool accepted = false;
    bool ended = false;
    const int descriptor = listening_descriptor(server.acceptor.port());
    REQUIRE(descriptor >= 0);
    server.tasks.spawn("accept", accept_one(server.acceptor, accepted, ended));
    loop.poll();
    REQUIRE(::shutdown(descriptor, SHUT_RDWR) == 0); // accept fails with EINVAL from now on
    const auto until = std::chrono::steady_clock::now() + 350ms;
    std::size_t steps = 0;
    while (std::chrono::steady_clock::now() < until) {
        loop.restart();
        steps += loop.run_one_for(10ms);
    }
    CHECK_FALSE(ended);
    CHECK(steps < 50);
    REQUIRE(::listen(descriptor, 16) == 0); // whatever it was is over
    auto body = [](std::uint16_t port, const bool& done) -> asio::awaitable<void> {
        auto peer = co_await raw_peer::connect(port);
        asio::steady_timer timer(co_await asio::this_coro::executor);
        while (!done) {
            timer.expires_after(10ms);
            (void)co_await timer.async_wait(async::as_result);
        }
    };
    run(loop, body(port_of(descriptor), ended)); // the system chose another port
    CHECK(accepted);
}

TEST_CASE("tls: a peer whose data is there already leaves the others their turns", "[net][tls]") {
    asio::io_context loop(1);
    listening server(loop, server_tls());
    constexpr std::size_t whole = 16 * 1024; // one record: decrypted at once
    std::size_t taken = 0;
    std::vector<std::size_t> seen;
    server.tasks.spawn("take", take_in_steps(server.acceptor, taken, whole));
    server.tasks.spawn("look", look_each_turn(taken, whole, seen));
    auto body = [](listening& at, const std::size_t& got) -> asio::awaitable<void> {
        auto context = client_tls();
        auto peer = co_await raw_peer::connect(at.acceptor.port(), std::move(context));
        std::string record(whole, 'x');
        (void)co_await peer->send(std::move(record));
        asio::steady_timer timer(co_await asio::this_coro::executor);
        while (got < whole) {
            timer.expires_after(10ms);
            (void)co_await timer.async_wait(async::as_result);
        }
    };
    run(loop, body(server, taken));
    CHECK(taken == whole);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    CHECK(seen.size() > 100); // 1,024 steps; without turns between them it would be a few
}

TEST_CASE("connect: nobody listens, and nobody answers the handshake", "[net]") {
    asio::io_context loop(1);
    listening silent(loop);
    auto body = [](std::uint16_t port) -> asio::awaitable<void> {
        auto late = co_await net::connect_transport("127.0.0.1", port, client_tls(), 50ms);
        CHECK(late.error() == net::errc::timeout);
        auto refused = co_await net::connect_transport("127.0.0.1", 1, nullptr, 10s);
        CHECK(refused.error() == asio::error::connection_refused);
    };
    run(loop, body(silent.acceptor.port()));
}
