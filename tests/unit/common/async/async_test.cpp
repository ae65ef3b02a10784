// Coroutine helpers on a loop of their own; every wait is for an event with a deadline.
#include "common/async/bounded_queue.hpp"
#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/async/timeout.hpp"
#include "common/async/tokens.hpp"
#include "common/async/turn_call.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

asio::awaitable<void> count_notifications(async::event& event, int& seen) {
    for (;;) {
        const bool notified = co_await event.wait_until(core::steady_time::max());
        if (notified) ++seen;
    }
}

asio::awaitable<void> stop_and_join(async::task_group& tasks, bool& joined) {
    tasks.stop();
    co_await tasks.join();
    joined = true;
}

asio::awaitable<void> throw_one() {
    throw std::runtime_error("on purpose");
    co_return;
}

asio::awaitable<void> end_at_once(int& ended) {
    ++ended;
    co_return;
}

asio::awaitable<void> stop_own_group(async::task_group& tasks, bool& went_on) {
    tasks.stop();
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    auto [error] = co_await timer.async_wait(async::as_result);
    (void)error;
    went_on = true;
}

} // namespace

TEST_CASE("event: a notification before the wait is kept, several are one", "[async]") {
    asio::io_context loop(1);
    async::event event(loop.get_executor());
    async::task_group tasks(loop.get_executor(), "test");
    int seen = 0;
    event.notify();
    event.notify();
    tasks.spawn("counter", count_notifications(event, seen));
    loop.poll();
    CHECK(seen == 1);
    event.notify();
    loop.poll();
    CHECK(seen == 2);
    loop.poll();
    CHECK(seen == 2);
    tasks.stop();
    loop.run();
    CHECK(tasks.size() == 0);
}

TEST_CASE("event: wait_until tells a notification from the deadline", "[async]") {
    asio::io_context loop(1);
    async::event event(loop.get_executor());
    async::task_group tasks(loop.get_executor(), "test");
    std::vector<bool> results;
    auto body = [](async::event& on, std::vector<bool>& into) -> asio::awaitable<void> {
        into.push_back(co_await on.wait_until(std::chrono::steady_clock::now() + 1h));
        into.push_back(co_await on.wait_until(std::chrono::steady_clock::now() + 5ms));
    };
    tasks.spawn("waiter", body(event, results));
    loop.poll();
    CHECK(results.empty());
    event.notify();
    loop.run_for(10s);
    CHECK(results == std::vector<bool>{true, false});
}

TEST_CASE("task_group: stop cancels, join resolves when the last task ended", "[async]") {
    asio::io_context loop(1);
    async::event event(loop.get_executor());
    async::task_group tasks(loop.get_executor(), "test");
    int seen = 0;
    // Two waiters need an event each.
    async::event other(loop.get_executor());
    tasks.spawn("one", count_notifications(event, seen));
    tasks.spawn("two", count_notifications(other, seen));
    loop.poll();
    CHECK(tasks.size() == 2);
    bool joined = false;
    asio::co_spawn(loop, stop_and_join(tasks, joined), asio::detached);
    loop.run_for(10s);
    CHECK(joined);
    CHECK(tasks.size() == 0);
    CHECK(seen == 0);
    CHECK(tasks.stopping());
    CHECK_FALSE(tasks.spawn("late", end_at_once(seen)));
    CHECK(seen == 0);
}

TEST_CASE("task_group: a task that throws does not take the others along", "[async]") {
    asio::io_context loop(1);
    async::event event(loop.get_executor());
    async::task_group tasks(loop.get_executor(), "test");
    int seen = 0;
    int ended = 0;
    tasks.spawn("counter", count_notifications(event, seen));
    tasks.spawn("thrower (an error in the log is expected)", throw_one());
    for (int i = 0; i < 100; ++i) tasks.spawn("short", end_at_once(ended));
    loop.poll();
    CHECK(ended == 100);
    CHECK(tasks.size() == 1);
    event.notify();
    loop.poll();
    CHECK(seen == 1);
    tasks.stop();
    loop.run();
}

TEST_CASE("task_group: a task may stop its own group and is cancelled at its next await", "[async]") {
    asio::io_context loop(1);
    async::task_group tasks(loop.get_executor(), "test");
    bool went_on = false;
    tasks.spawn("self", stop_own_group(tasks, went_on));
    loop.run_for(10s);
    CHECK(loop.stopped());
    CHECK_FALSE(went_on);
    CHECK(tasks.size() == 0);
}

TEST_CASE("task_group: tasks that never ran are freed with the loop", "[async]") {
    async::task_group* leaked = nullptr;
    {
        asio::io_context loop(1);
        async::task_group tasks(loop.get_executor(), "test");
        leaked = &tasks;
        int seen = 0;
        async::event event(loop.get_executor());
        tasks.spawn("never resumed", count_notifications(event, seen));
    }
    CHECK(leaked != nullptr);
}

TEST_CASE("timeout: calls once when late, never after its end", "[async]") {
    asio::io_context loop(1);
    int called = 0;
    async::timeout late(loop.get_executor(), 1ms, [&] { ++called; });
    {
        async::timeout ended(loop.get_executor(), 1ms, [&] { called += 100; });
    }
    async::timeout cancelled(loop.get_executor(), 1ms, [&] { called += 100; });
    cancelled.cancel();
    loop.run_for(10s);
    CHECK(called == 1);
    CHECK(late.late());
    CHECK_FALSE(cancelled.late());
}

TEST_CASE("turn_call: many kicks are one call, after the handlers that are ready", "[async]") {
    asio::io_context loop(1);
    std::string order;
    async::turn_call call(loop.get_executor(), [&] { order += 'c'; });
    asio::post(loop, [&] {
        order += '1';
        call.kick();
        call.kick();
    });
    asio::post(loop, [&] { order += '2'; });
    loop.run();
    CHECK(order == "12c");
    call.kick();
    loop.restart();
    loop.run();
    CHECK(order == "12cc");
}

TEST_CASE("turn_call: a pending call is dropped with its object", "[async]") {
    asio::io_context loop(1);
    int called = 0;
    {
        async::turn_call call(loop.get_executor(), [&] { ++called; });
        call.kick();
    }
    loop.run();
    CHECK(called == 0);
}

TEST_CASE("bounded_queue: limits items and bytes, lets one large item pass", "[async]") {
    asio::io_context loop(1);
    async::bounded_queue<std::string> queue(loop.get_executor(), 3, 10);
    CHECK(queue.push("large", 50));
    CHECK_FALSE(queue.push("more", 1));
    std::vector<std::string> taken;
    auto body = [](async::bounded_queue<std::string>& from, std::vector<std::string>& into) -> asio::awaitable<void> {
        for (;;) {
            auto item = co_await from.pop();
            if (!item) break;
            into.push_back(std::move(*item));
        }
        into.push_back("end");
    };
    async::task_group tasks(loop.get_executor(), "test");
    tasks.spawn("consumer", body(queue, taken));
    loop.poll();
    CHECK(taken == std::vector<std::string>{"large"});
    CHECK(queue.push("a", 4));
    CHECK(queue.push("b", 4));
    CHECK_FALSE(queue.push("too many bytes", 3));
    CHECK(queue.push("c", 2));
    CHECK_FALSE(queue.push("too many items", 0));
    CHECK(queue.bytes() == 10);
    queue.close();
    CHECK_FALSE(queue.push("closed", 0));
    loop.run_for(10s);
    CHECK(taken == std::vector<std::string>{"large", "a", "b", "c", "end"});
    CHECK(queue.bytes() == 0);
}
