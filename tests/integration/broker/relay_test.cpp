// The relay over a real link, with a messaging that does what the test says.
#include "broker/relay/relay.hpp"
#include "common/record/record.hpp"
#include "tests/integration/broker/scripted_messaging.hpp"
#include "tests/integration/common/net_fixture.hpp"
#include "tests/support/manual_clock.hpp"

#include <functional>

using namespace broker;
using namespace fixture;

namespace {

/// One client's connection, as the relay sees it.
struct client final : relay::delivery_sink {
    void on_claimed(msg_link::reason) override {}
    void on_evicted(msg_link::reason) override {}
    void on_settled(std::uint16_t, msg_link::reason, std::string_view) override { ++settled; }
    void on_filter_done(std::uint32_t, bool, std::string_view, msg_link::reason) override {}
    void on_stream_ended(msg_link::reason) override {}
    session::delivery_result on_deliver(const session::delivery& message) override {
        got.push_back(message);
        return session::delivery_result::awaits_puback;
    }
    void on_paced() override { ++paced; }
    void on_relay_progress() override { ++progress; }

    unsigned settled = 0;
    unsigned paced = 0;
    unsigned progress = 0;
    std::vector<session::delivery> got; ///< texts are not valid any more
};

/// So many deliveries may follow; the test says when more.
struct scripted_pace final : relay::delivery_pace {
    std::uint32_t take(core::steady_time, std::uint32_t wanted) noexcept override {
        const auto given = std::min(wanted, left);
        left -= given;
        return given;
    }
    std::uint32_t left = 0;
};

struct world {
    world() : messaging(loop), links(loop.get_executor(), options(messaging.url()), time) {
        links.start();
        until([&] { return links.up(); });
    }
    ~world() {
        auto body = [](relay::relay& one, scripted_messaging& other) -> asio::awaitable<void> {
            co_await one.stop(0ms);
            co_await other.stop();
        };
        fixture::run(loop, body(links, messaging));
    }
    static msg_link::link_options options(const std::string& url) {
        msg_link::link_options made;
        made.url = url;
        made.token = "any";
        made.reconnect_first = 1ms;
        return made;
    }
    void until(const std::function<bool()>& what) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!what() && std::chrono::steady_clock::now() < deadline) {
            loop.restart();
            loop.run_one_for(10ms);
        }
        REQUIRE(what());
    }
    relay::member* join(client& one, const char* id, relay::delivery_pace* pace = nullptr) {
        auto* made = links.join(one);
        relay::claim_details details;
        details.tenant = "t1";
        details.client_id = id;
        links.claim(*made, details);
        ++sent;
        links.set_window(*made, 64, 1 << 20, pace);
        return made;
    }
    void publish(relay::member& by, std::uint8_t qos) {
        session::publish_request request;
        request.topic = "a";
        request.payload = "x";
        request.qos = qos;
        REQUIRE(links.publish(by, request, qos == 0 ? std::uint16_t{0} : std::uint16_t{1}));
        ++sent;
    }
    void settle(std::uint64_t up_to) {
        msg_link::settled frame;
        frame.up_to = up_to;
        std::string out;
        msg_link::encode(out, frame);
        messaging.send(out);
    }
    void subscribe(relay::member& by) {
        const auto known = messaging.credits.size();
        links.add_filter(by, {"a", 1, false}, 1);
        until([&] { return messaging.credits.size() > known; });
    }
    /// `count` messages on the member's stream, positions from `first`.
    void deliver(std::uint64_t first, unsigned count) {
        record::fields fields;
        fields.qos = 1;
        fields.client_id = "other";
        fields.payload = "x";
        std::string record;
        record::append(record, fields);
        std::string out;
        msg_link::encode(out, msg_link::type::topic_to_client, msg_link::topic{1, "t1", "mqtt", "a"});
        const std::uint32_t stream[] = {messaging.streams.back().stream | msg_link::must_acknowledge};
        for (unsigned i = 0; i < count; ++i)
            msg_link::encode_deliver(out, stream, 1, first + i, 1, core::as_bytes(record));
        messaging.send(out);
    }
    void acknowledge_all(relay::member& by, client& one) {
        for (const auto& each : one.got) links.acknowledge(by, each.position, each.credit_bytes);
        one.got.clear();
    }
    std::uint64_t messages_credited() const { return messaging.credits.back().messages; }

    asio::io_context loop{1};
    support::manual_clock time;
    scripted_messaging messaging;
    relay::relay links;
    std::uint64_t sent = 0; ///< sequence of the last frame that has one
};

} // namespace

TEST_CASE("relay: a QoS 0 publisher that had to wait goes on when its own messages are settled", "[relay]") {
    world at;
    client zero;
    client other;
    auto* by = at.join(zero, "zero");
    auto* neighbour = at.join(other, "other");
    // Of each so much that both have to wait; what the neighbour has keeps the link busy.
    for (int i = 0; i < 20'000 && at.links.may_publish(*by); ++i) at.publish(*by, 0);
    REQUIRE_FALSE(at.links.may_publish(*by));
    const auto own = at.sent;
    for (int i = 0; i < 5'000; ++i) at.publish(*neighbour, 1);
    at.until([&] { return at.messaging.sequenced == at.sent; });
    CHECK(zero.progress == 0);
    at.settle(own);
    at.until([&] { return zero.progress > 0; });
    CHECK(at.links.may_publish(*by)); // it has nothing under way any more, whatever others have
}

TEST_CASE("relay: a restarted messaging is given credit for a stream whose client does not read just now", "[relay]") {
    world at;
    client one;
    auto* by = at.join(one, "one");
    at.subscribe(*by);
    const auto credited = at.messages_credited();
    CHECK(credited == 64);
    at.links.hold_credit(*by, true);
    at.messaging.credits.clear();
    at.messaging.incarnation = 2; // it remembers nothing
    at.messaging.cut();
    at.until([&] { return at.messaging.hellos == 2 && at.links.up(); });
    at.until([&] { return !at.messaging.credits.empty(); });
    CHECK(at.messages_credited() == credited);
}

TEST_CASE("relay: waiting for the tenant's delivery rate is told once, and paid as the rate allows",
          "[relay][limits]") {
    world at;
    client one;
    scripted_pace pace;
    auto* by = at.join(one, "one", &pace);
    at.subscribe(*by);
    at.deliver(1, 10);
    at.until([&] { return one.got.size() == 10; });
    at.acknowledge_all(*by, one);
    at.until([&] { return one.paced == 1; });
    // Each tick gives what the rate has, however little, and says nothing again.
    for (std::uint64_t paid = 1; paid <= 3; ++paid) {
        pace.left = 1;
        const auto known = at.messaging.credits.size();
        at.links.tick();
        at.until([&] { return at.messaging.credits.size() > known; });
        CHECK(at.messages_credited() == 64 + paid);
    }
    CHECK(one.paced == 1);
    pace.left = 100;
    at.links.tick();
    at.until([&] { return at.messages_credited() == 74; });
    CHECK(pace.left == 93); // no more than was owed
    // The next wait is told anew.
    pace.left = 0;
    at.deliver(11, 1);
    at.until([&] { return one.got.size() == 1; });
    at.acknowledge_all(*by, one);
    at.until([&] { return one.paced == 2; });
}
