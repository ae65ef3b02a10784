#include "common/async/task_group.hpp"
#include "common/net/handshake_pacer.hpp"
#include "tests/support/manual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <functional>
#include <string>

using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// Writes its letter to the journal when it is let in, and takes `cost`.
asio::awaitable<void> handshake(net::handshake_pacer& pacer, support::manual_clock& time, std::string& journal,
                                char letter, std::chrono::milliseconds cost) {
    const auto step = co_await pacer.next();
    journal.push_back(letter);
    time.advance(cost);
}

} // namespace

TEST_CASE("handshake_pacer: a turn takes what fits, the others follow in their order", "[net][tls]") {
    asio::io_context loop(1);
    support::manual_clock time;
    net::handshake_pacer pacer(loop.get_executor(), time, 4ms);
    async::task_group tasks(loop.get_executor(), "test");
    std::string journal;
    for (const char letter : std::string("abcdefgh")) {
        tasks.spawn("handshake", handshake(pacer, time, journal, letter, 2ms));
    }
    // What others do in between: a mark a turn, as long as there is something to do.
    std::function<void()> mark = [&] {
        if (tasks.size() == 0) return;
        if (!journal.empty() && journal.back() != '|') journal.push_back('|');
        asio::post(loop, mark);
    };
    asio::post(loop, mark);
    loop.run();
    std::string letters;
    std::size_t together = 0;
    std::size_t most = 0;
    for (const char c : journal) {
        together = c == '|' ? 0 : together + 1;
        most = std::max(most, together);
        if (c != '|') letters.push_back(c);
    }
    CHECK(letters == "abcdefgh");
    CHECK(most <= 3);
    CHECK(pacer.waiting() == 0);
}

TEST_CASE("handshake_pacer: cheap steps do not wait", "[net][tls]") {
    asio::io_context loop(1);
    support::manual_clock time;
    net::handshake_pacer pacer(loop.get_executor(), time, 4ms);
    async::task_group tasks(loop.get_executor(), "test");
    std::string journal;
    for (int i = 0; i < 100; ++i) tasks.spawn("handshake", handshake(pacer, time, journal, 'x', 0ms));
    std::size_t waited = 0;
    while (loop.run_one() > 0) waited = std::max(waited, pacer.waiting());
    CHECK(journal.size() == 100);
    CHECK(waited == 0);
}

TEST_CASE("handshake_pacer: who is cancelled while it waits holds up nobody", "[net][tls]") {
    asio::io_context loop(1);
    support::manual_clock time;
    net::handshake_pacer pacer(loop.get_executor(), time, 1ms);
    async::task_group first(loop.get_executor(), "first");
    async::task_group cancelled(loop.get_executor(), "cancelled");
    async::task_group last(loop.get_executor(), "last");
    std::string journal;
    first.spawn("handshake", handshake(pacer, time, journal, 'a', 2ms));
    cancelled.spawn("handshake", handshake(pacer, time, journal, 'b', 2ms));
    last.spawn("handshake", handshake(pacer, time, journal, 'c', 2ms));
    while (pacer.waiting() < 2 && loop.run_one() > 0) {
    }
    CHECK(pacer.waiting() == 2);
    cancelled.stop();
    loop.run();
    CHECK(journal.front() == 'a');
    CHECK_THAT(journal, Catch::Contains("c"));
    CHECK(pacer.waiting() == 0);
}
