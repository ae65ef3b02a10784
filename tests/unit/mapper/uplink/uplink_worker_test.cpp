#include "mapper/uplink/uplink_worker.hpp"

#include "mapper/mapping/mapping_loader.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/mapper/uplink/fake_platform.hpp"

#include <boost/asio/co_spawn.hpp>

using namespace mapper::uplink;

namespace {

constexpr const char* climate = R"(mapping: climate
from: { topic: "site/{room}/env", format: json }
when: "=payload.ver >= 2"
device: { externalId: "=payload.sn", type: c8y_Serial, create: { type: sensor } }
to:
  - measurement: { type: env, env: { temperature: { value: "=payload.temp", unit: C } } }
)";

resolver_options quick_resolver() {
    resolver_options made;
    made.delays = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    return made;
}

delivery_options quick() {
    delivery_options made;
    made.delays = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    return made;
}

struct resumed {
    bool named = false;
    std::uint32_t stream = 0;
    std::uint64_t taken = 0;
    std::vector<std::uint64_t> held;
};

struct fixture {
    boost::asio::io_context loop{1};
    fake::platform platform;
    support::manual_clock clock;
    ops::metrics numbers;
    mapper::meters meters{numbers};
    mapper::tenant_meters count = meters.of("t1");
    link_router link{loop.get_executor(), msg_link::link_options()};
    identity_resolver resolver{loop.get_executor(), platform, clock, count, quick_resolver()};
    uplink_worker worker{loop.get_executor(), "t1", link, platform, resolver, clock, count, worker_options(), quick()};

    fixture() {
        auto read = mapper::mapping::load_mapping(climate, "climate.yaml", "t1");
        REQUIRE(read.made);
        worker.use(
            std::make_shared<mapper::mapping::mapping_set>(std::vector<mapper::mapping::mapping_ptr>{read.made}));
        worker.begin();
        msg_link::stream_answer ok;
        ok.stream = 1;
        link.handler().on_subscribed(ok);
    }
    ~fixture() {
        for (auto* part : {&stop_resolver, &stop_worker}) {
            bool stopped = false;
            boost::asio::co_spawn(loop, (*part)(*this), [&](const std::exception_ptr&) { stopped = true; });
            fake::run_until(loop, [&] { return stopped; });
        }
    }
    static boost::asio::awaitable<void> stop_resolver(fixture& f) { co_await f.resolver.stop(); }
    static boost::asio::awaitable<void> stop_worker(fixture& f) { co_await f.worker.stop(); }

    void deliver(std::uint64_t position, std::string payload, std::string topic = "site/r1/env",
                 std::uint32_t stream = 1) {
        record::fields fields;
        fields.client_id = "c1";
        fields.payload = payload;
        std::string encoded;
        record::append(encoded, fields);
        std::string bytes;
        const std::uint32_t streams[] = {stream | msg_link::must_acknowledge};
        msg_link::encode_deliver(bytes, streams, 5, position, 1, core::as_bytes(encoded));
        auto batch = core::as_bytes(bytes);
        msg_link::raw_frame raw;
        REQUIRE(msg_link::next_frame(batch, raw));
        msg_link::deliver frame;
        REQUIRE(msg_link::decode(raw.body, frame));
        link.handler().on_deliver(frame, {"t1", "mqtt", std::move(topic)});
        link.handler().on_batch_done();
    }
    static std::string reading(int n) { return R"({"ver":2,"sn":"A1","temp":)" + std::to_string(n) + "}"; }
    /// What the worker would tell messaging after a reconnect.
    resumed resume() {
        std::string bytes;
        msg_link::resume_list list(bytes);
        link.handler().on_resume(list);
        resumed made;
        auto batch = core::as_bytes(bytes);
        msg_link::raw_frame raw;
        if (!msg_link::next_frame(batch, raw)) return made;
        msg_link::resume_stream frame;
        REQUIRE(msg_link::decode(raw.body, frame));
        made.named = true;
        made.stream = frame.stream;
        made.taken = frame.taken;
        for (std::size_t i = 0; i < frame.outstanding.size(); ++i) made.held.push_back(frame.outstanding[i]);
        return made;
    }
    bool until_outstanding(std::size_t wanted) {
        return fake::run_until(loop, [&] { return worker.outstanding() == wanted; });
    }
};

} // namespace

TEST_CASE("uplink: a position is outstanding until the platform accepted", "[mapper][uplink]") {
    fixture f;
    f.platform.held = true;
    f.deliver(10, fixture::reading(1));
    f.deliver(12, fixture::reading(2));
    for (int i = 0; i < 300; ++i) f.loop.poll_one();
    auto told = f.resume();
    CHECK(told.named);
    CHECK(told.taken == 12);
    CHECK(told.held == std::vector<std::uint64_t>{10, 12});
    f.platform.held = false;
    REQUIRE(f.until_outstanding(0));
    told = f.resume();
    CHECK(told.taken == 12);
    CHECK(told.held.empty());
    CHECK(f.platform.measurements.size() == 2);
}

TEST_CASE("uplink: what no mapping wants is done at once", "[mapper][uplink]") {
    fixture f;
    f.deliver(1, "{}", "other/topic");
    f.deliver(2, R"({"ver":1})");
    CHECK(f.worker.outstanding() == 0);
    CHECK(f.resume().taken == 2);
    CHECK(f.count.unmatched.value() == 2);
    CHECK(f.platform.calls.empty());
}

TEST_CASE("uplink: what is worked on and comes again is not worked on twice", "[mapper][uplink]") {
    fixture f;
    f.platform.held = true;
    f.deliver(10, fixture::reading(1));
    f.deliver(11, fixture::reading(2));
    for (int i = 0; i < 300; ++i) f.loop.poll_one();

    SECTION("on the same stream") {
        f.deliver(10, fixture::reading(1));
        f.deliver(11, fixture::reading(2));
    }
    SECTION("on a new stream, because the old one was lost") {
        msg_link::stream_answer lost;
        lost.stream = 1;
        lost.why = msg_link::reason::lost;
        f.link.handler().on_stream_ended(lost);
        CHECK_FALSE(f.resume().named);
        msg_link::stream_answer ok;
        ok.stream = 2;
        f.link.handler().on_subscribed(ok);
        CHECK(f.resume().held.empty()); // nothing was taken on the new stream yet
        f.deliver(10, fixture::reading(1), "site/r1/env", 2);
        f.deliver(11, fixture::reading(2), "site/r1/env", 2);
        CHECK(f.resume().stream == 2);
        CHECK(f.resume().held == std::vector<std::uint64_t>{10, 11});
    }
    f.platform.held = false;
    REQUIRE(f.until_outstanding(0));
    CHECK(f.platform.measurements.size() == 2);
}

TEST_CASE("uplink: a dead letter holds its position until messaging has it", "[mapper][uplink]") {
    fixture f;
    f.deliver(5, "no json");
    f.deliver(6, R"({"ver":2,"temp":1})"); // no serial number
    CHECK(f.resume().held == std::vector<std::uint64_t>{5, 6});
    CHECK(f.count.mapping_failed.value() == 2);
    f.link.handler().on_settled(1, {});
    CHECK(f.resume().held == std::vector<std::uint64_t>{6});
    f.link.handler().on_settled(2, {{2, 1, msg_link::reason::disk_full}}); // never blocks the next one
    CHECK(f.resume().held.empty());
    CHECK(f.count.dead_letters.value() == 1);
    CHECK(f.count.dead_letters_lost.value() == 1);
}

TEST_CASE("uplink: a dead letter tells what, where and why, and keeps the payload", "[mapper][uplink]") {
    record::fields fields;
    fields.client_id = "c\"1";
    fields.arrival_ms = 1'767'225'600'000;
    fields.payload = std::string_view("\xff\x00x", 3);
    std::string encoded;
    record::append(encoded, fields);
    const auto binary = letter_json({"a/b", encoded, "m1", "platform", "HTTP 422", "{}", 422}, 1'767'225'600'000);
    CHECK(binary ==
          R"({"reason":"platform","message":"HTTP 422","mapping":"m1","time":"2026-01-01T00:00:00.000Z","status":422,)"
          R"("request":"{}","topic":"a/b","clientId":"c\"1","user":"","arrival":"2026-01-01T00:00:00.000Z",)"
          R"("payloadBase64":"/wB4"})");
}

TEST_CASE("uplink: seeded loads with failures lose nothing", "[mapper][uplink]") {
    const unsigned seed = GENERATE(11U, 12U);
    INFO("seed " << seed);
    fixture f;
    f.platform.random.seed(seed);
    f.platform.fail_percent = 10;
    for (std::uint64_t i = 1; i <= 1500; ++i) {
        f.deliver(i, fixture::reading(static_cast<int>(i)));
        if (i % 50 == 0) f.loop.poll();
    }
    REQUIRE(f.until_outstanding(0));
    REQUIRE(f.platform.measurements.size() == 1500);
    for (std::size_t i = 0; i < 1500; ++i)
        CHECK(mapper::api::text_at(f.platform.measurements[i].body, "/env/temperature/value") == std::to_string(i + 1));
}
