// The C++ client library against the whole service in this process: real sockets, real files.
// (tests/system/notification2/client_library.py runs its examples, and kills messaging under them.)
#include "common/link/messaging_client.hpp"

#include "common/auth/link_token.hpp"
#include "messaging/service.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using msg_link::messaging_client;
using msg_link::outgoing_message;
using msg_link::reason;
using msg_link::subscribe_options;

/// Runs the loop until `body` ends; fails the test when it takes 60 s.
void run(asio::io_context& loop, asio::awaitable<void> body) {
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(loop, std::move(body), [&](const std::exception_ptr& error) {
        done = true;
        thrown = error;
        loop.stop();
    });
    loop.restart();
    loop.run_for(60s);
    REQUIRE(done);
    if (thrown) std::rethrow_exception(thrown);
}

struct world {
    world() {
        settings.listen.address = "127.0.0.1";
        settings.listen.port = 0;
        settings.data_directory = directory.file("data");
        settings.log.mode = messaging::store::durability::os;
        settings.log.segment_bytes = 1024 * 1024;
        settings.link_secret_file = directory.file("link-secret");
        service = std::make_unique<messaging::service>(loop, settings);
        std::string why_not;
        const bool started = service->start(why_not);
        INFO(why_not);
        REQUIRE(started);
        client = connect();
    }
    ~world() {
        run(loop, client->stop());
        run(loop, service->stop());
    }
    std::unique_ptr<messaging_client> connect() {
        auth::link_claims claims;
        claims.tenants = {"t0815"};
        const auto secret = auth::link_secret::load(settings.link_secret_file);
        REQUIRE(secret.has_value());
        msg_link::link_options options;
        options.url = "ws://127.0.0.1:" + std::to_string(service->port());
        options.token = *auth::mint_link_token(claims, *secret);
        auto made = std::make_unique<messaging_client>(loop.get_executor(), options, "t0815");
        made->start();
        return made;
    }

    support::temp_dir directory;
    asio::io_context loop{1};
    messaging::config settings;
    std::unique_ptr<messaging::service> service;
    std::unique_ptr<messaging_client> client;
};

asio::awaitable<void> publish(messaging_client& by, std::string topic, std::string payload, reason expected) {
    outgoing_message message(std::move(payload));
    const auto outcome = co_await by.publish(topic, std::move(message));
    CHECK(outcome == expected);
}

asio::awaitable<std::shared_ptr<msg_link::subscriber>> subscribe(messaging_client& by, subscribe_options options) {
    auto made = by.subscribe(std::move(options));
    const auto why = co_await made->ready();
    CHECK(why == reason::ok);
    co_return made;
}

asio::awaitable<std::string> next_payload(msg_link::subscriber& from, bool acknowledge = true) {
    const auto got = co_await from.next();
    CHECK(got.has_value());
    if (!got) co_return std::string("nothing");
    if (acknowledge) from.acknowledge(*got);
    co_return std::string(got->payload());
}

} // namespace

TEST_CASE("client library: what it is given arrives whole, with what was given beside", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        subscribe_options options("a/b", "app");
        const auto reader = co_await subscribe(*w.client, std::move(options));
        outgoing_message message(std::string("\0\xFF", 2));
        message.key = "k";
        message.content_type = "text/plain";
        message.user_properties = {{"n", "1"}, {"n", "2"}};
        const auto outcome = co_await w.client->publish("a/b", std::move(message));
        CHECK(outcome == reason::ok);
        const auto got = co_await reader->next();
        REQUIRE(got);
        CHECK(got->topic() == "a/b");
        CHECK(got->payload() == std::string_view("\0\xFF", 2));
        CHECK(got->fields().effective_key() == "k");
        CHECK(got->fields().properties.size() > 0);
        CHECK(got->delivery_count() == 1);
        reader->acknowledge(*got);
        reader->acknowledge(*got); // once more does no harm
    };
    run(in.loop, body(in));
}

TEST_CASE("client library: messages come in the order of the calls, through a window smaller than they are",
          "[client_library]") {
    const auto window = GENERATE(1U, 7U, 256U);
    world in;
    const auto body = [](world& w, std::uint32_t messages) -> asio::awaitable<void> {
        subscribe_options options("many/#", "app");
        options.window_messages = messages;
        options.window_bytes = messages == 7 ? 200 : 1U << 20U; // one of the two is the narrower
        const auto reader = co_await subscribe(*w.client, std::move(options));
        int settled = 0;
        for (int i = 0; i < 1'000; ++i)
            asio::co_spawn(w.loop, publish(*w.client, "many/" + std::to_string(i % 3), std::to_string(i), reason::ok),
                           [&settled](const std::exception_ptr&) { ++settled; });
        for (int i = 0; i < 1'000; ++i) {
            const auto payload = co_await next_payload(*reader);
            CHECK(payload == std::to_string(i));
        }
        CHECK(settled == 1'000);
    };
    run(in.loop, body(in, window));
}

TEST_CASE("client library: what is too much at a time waits its turn, in order", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        subscribe_options options("big/#", "app");
        const auto reader = co_await subscribe(*w.client, std::move(options));
        constexpr int count = 400; // 40 MB, of which 32 MiB may be unsettled
        const std::string filling(100 * 1024, 'x');
        int settled = 0;
        for (int i = 0; i < count; ++i) // a topic each few, whose backlog holds them
            asio::co_spawn(
                w.loop,
                publish(*w.client, "big/" + std::to_string(i / 100), std::to_string(i) + "." + filling, reason::ok),
                [&settled](const std::exception_ptr&) { ++settled; });
        for (int i = 0; i < count; ++i) {
            const auto payload = co_await next_payload(*reader);
            CHECK(payload.substr(0, payload.find('.')) == std::to_string(i));
        }
        CHECK(settled == count);
    };
    run(in.loop, body(in));
}

TEST_CASE("client library: what is rejected comes again and counts up", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        subscribe_options options("a", "app");
        options.window_messages = 1;
        const auto reader = co_await subscribe(*w.client, std::move(options));
        co_await publish(*w.client, "a", "first", reason::ok);
        co_await publish(*w.client, "a", "second", reason::ok);
        for (int times = 1; times <= 3; ++times) {
            const auto got = co_await reader->next();
            REQUIRE(got);
            CHECK(got->payload() == "first");
            CHECK(got->delivery_count() == times);
            if (times < 3)
                reader->reject(*got);
            else
                reader->acknowledge(*got);
        }
        const auto payload = co_await next_payload(*reader);
        CHECK(payload == "second");
    };
    run(in.loop, body(in));
}

TEST_CASE("client library: a durable name keeps what was not acknowledged, a removed one nothing", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        subscribe_options options("a", "app");
        const auto first = co_await subscribe(*w.client, options);
        co_await publish(*w.client, "a", "one", reason::ok);
        co_await publish(*w.client, "a", "two", reason::ok);
        const auto one = co_await next_payload(*first);
        const auto two = co_await next_payload(*first, false);
        CHECK(one == "one");
        CHECK(two == "two");
        first->close();
        CHECK(first->ended());
        const auto second = co_await subscribe(*w.client, options);
        const auto again = co_await next_payload(*second);
        CHECK(again == "two");
        second->close(true);
        co_await publish(*w.client, "a", "nobody", reason::no_subscribers);
    };
    run(in.loop, body(in));
}

TEST_CASE("client library: refusals have their reason", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        co_await publish(*w.client, "", "x", reason::bad_request);
        co_await publish(*w.client, "a/#", "x", reason::bad_request);
        co_await publish(*w.client, "a", std::string(300 * 1024, 'x'), reason::too_large);
        co_await publish(*w.client, "$debug/x", "x", reason::not_allowed);
        outgoing_message heavy("x");
        for (int i = 0; i < 100; ++i) heavy.user_properties.emplace_back("n", std::string(60'000, 'v'));
        const auto outcome = co_await w.client->publish("a", std::move(heavy));
        CHECK(outcome == reason::too_large);
        subscribe_options options("a", "app");
        const auto first = co_await subscribe(*w.client, options);
        auto other = w.connect();
        const auto second = other->subscribe(options);
        const auto why = co_await second->ready();
        CHECK(why == reason::busy);
        CHECK(second->ended());
        const auto nothing = co_await second->next();
        CHECK_FALSE(nothing.has_value());
        co_await other->stop();
        outgoing_message empty;
        const auto late = co_await other->publish("a", std::move(empty));
        CHECK(late == reason::shutting_down);
        subscribe_options bad("a/#/b", "app");
        const auto third = w.client->subscribe(bad);
        const auto wrong = co_await third->ready();
        CHECK(wrong == reason::bad_request);
    };
    run(in.loop, body(in));
}

TEST_CASE("client library: stopping ends subscribers and lets their names go at once", "[client_library]") {
    world in;
    const auto body = [](world& w) -> asio::awaitable<void> {
        auto other = w.connect();
        subscribe_options options("a", "app");
        const auto first = co_await subscribe(*other, options);
        co_await other->stop();
        CHECK(first->ended());
        CHECK(first->why_ended() == reason::shutting_down);
        const auto nothing = co_await first->next();
        CHECK_FALSE(nothing.has_value());
        const auto second = co_await subscribe(*w.client, options);
        CHECK_FALSE(second->ended());
    };
    run(in.loop, body(in));
}
