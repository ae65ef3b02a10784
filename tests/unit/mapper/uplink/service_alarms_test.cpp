#include "mapper/uplink/service_alarms.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/unit/mapper/uplink/fake_platform.hpp"

#include <boost/asio/co_spawn.hpp>

using namespace mapper::uplink;

namespace {

platform::retry_delays quick() { return {std::chrono::milliseconds(1), std::chrono::milliseconds(2)}; }

resolver_options quick_resolver() {
    resolver_options made;
    made.delays = quick();
    return made;
}

struct fixture {
    boost::asio::io_context loop{1};
    fake::platform platform;
    support::manual_clock clock;
    ops::metrics numbers;
    mapper::meters meters{numbers};
    mapper::tenant_meters count = meters.of("t1");
    link_router link{loop.get_executor(), msg_link::link_options()};
    identity_resolver resolver{loop.get_executor(), platform, clock, count, quick_resolver()};
    service_alarms alarms{loop.get_executor(), "t1", link, platform, resolver, count, quick()};

    fixture() {
        alarms.begin();
        msg_link::stream_answer ok;
        ok.stream = 1;
        link.handler().on_subscribed(ok);
    }
    ~fixture() {
        bool stopped = false;
        boost::asio::co_spawn(loop, stop(*this), [&](const std::exception_ptr&) { stopped = true; });
        fake::run_until(loop, [&] { return stopped; });
    }
    static boost::asio::awaitable<void> stop(fixture& f) {
        co_await f.resolver.stop();
        co_await f.alarms.stop();
    }

    void deliver(std::uint64_t position, const std::string& payload, std::uint32_t stream = 1) {
        record::fields fields;
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
        link.handler().on_deliver(frame, {"t1", "mqtt", "$debug/$alarm"});
    }
    static std::string alarm(const std::string& type) {
        return R"({"type":")" + type + R"(","severity":"MAJOR","text":"much","time":"2026-01-01T00:00:00.000Z"})";
    }
    bool until_empty() {
        return fake::run_until(loop, [&] { return alarms.waiting() == 0; });
    }
    std::vector<std::uint64_t> held() {
        std::string bytes;
        msg_link::resume_list list(bytes);
        link.handler().on_resume(list);
        auto batch = core::as_bytes(bytes);
        msg_link::raw_frame raw;
        REQUIRE(msg_link::next_frame(batch, raw));
        msg_link::resume_stream frame;
        REQUIRE(msg_link::decode(raw.body, frame));
        std::vector<std::uint64_t> out;
        for (std::size_t i = 0; i < frame.outstanding.size(); ++i) out.push_back(frame.outstanding[i]);
        return out;
    }
};

} // namespace

TEST_CASE("service alarms: raised in order on one source object that is made once", "[mapper][alarms]") {
    fixture f;
    f.deliver(10, fixture::alarm("c8y_A"));
    f.deliver(11, fixture::alarm("c8y_B"));
    CHECK(f.held() == std::vector<std::uint64_t>{10, 11});
    REQUIRE(f.until_empty());
    CHECK(f.held().empty());
    REQUIRE(f.platform.alarms.size() == 2);
    const auto source = f.platform.bound.at("mqtt-service");
    CHECK(f.platform.alarms[0].source == source);
    CHECK(f.platform.alarms[1].source == source);
    CHECK(mapper::api::text_at(f.platform.alarms[0].body, "/type") == "c8y_A");
    CHECK(mapper::api::text_at(f.platform.alarms[0].body, "/severity") == "MAJOR");
    CHECK(mapper::api::text_at(f.platform.alarms[0].body, "/status") == "ACTIVE");
    CHECK(mapper::api::text_at(f.platform.alarms[1].body, "/type") == "c8y_B");
    CHECK(f.platform.objects.size() == 1);
    CHECK(f.platform.calls["inventory_create"] == 1);
    CHECK(f.count.alarms_raised.value() == 2);
}

TEST_CASE("service alarms: repeated until the platform decides", "[mapper][alarms]") {
    const unsigned seed = GENERATE(1U, 2U, 3U);
    INFO("seed " << seed);
    fixture f;
    f.platform.random.seed(seed);
    f.platform.fail_percent = 40;
    for (std::uint64_t i = 1; i <= 30; ++i) f.deliver(i, fixture::alarm("c8y_" + std::to_string(i)));
    REQUIRE(f.until_empty());
    REQUIRE(f.platform.alarms.size() == 30);
    for (std::size_t i = 0; i < 30; ++i)
        CHECK(mapper::api::text_at(f.platform.alarms[i].body, "/type") == "c8y_" + std::to_string(i + 1));
}

TEST_CASE("service alarms: a source that was deleted is made again", "[mapper][alarms]") {
    fixture f;
    f.deliver(1, fixture::alarm("c8y_A"));
    REQUIRE(f.until_empty());
    f.platform.objects.clear();
    f.platform.bound.clear();
    f.deliver(2, fixture::alarm("c8y_B"));
    REQUIRE(f.until_empty());
    CHECK(f.platform.alarms.size() == 2);
    CHECK(f.platform.objects.size() == 1);
    CHECK(f.count.alarms_refused.value() == 0);
}

TEST_CASE("service alarms: what the platform refuses and what is no alarm is counted and let go", "[mapper][alarms]") {
    fixture f;
    f.platform.refuse_alarms = true;
    f.deliver(1, fixture::alarm("c8y_A"));
    REQUIRE(f.until_empty());
    CHECK(f.count.alarms_refused.value() == 1);
    f.platform.refuse_alarms = false;
    for (const char* bad : {"", "{}", "[]", "no json", R"({"type":"","severity":"MAJOR","text":"t","time":"x"})",
                            R"({"type":"a","severity":"HUGE","text":"t","time":"x"})",
                            R"({"type":1,"severity":"MAJOR","text":"t","time":"x"})"})
        f.deliver(2, bad);
    CHECK(f.count.alarms_refused.value() == 8);
    CHECK(f.held().empty());
    f.deliver(20, fixture::alarm("c8y_B"));
    REQUIRE(f.until_empty());
    CHECK(f.platform.alarms.size() == 1);
}

TEST_CASE("service alarms: one that is being raised and comes again is not raised twice", "[mapper][alarms]") {
    fixture f;
    f.platform.held = true;
    f.deliver(10, fixture::alarm("c8y_A"));
    for (int i = 0; i < 100; ++i) f.loop.poll_one();
    SECTION("on the same stream") { f.deliver(10, fixture::alarm("c8y_A")); }
    SECTION("on a new one") {
        msg_link::stream_answer lost;
        lost.stream = 1;
        lost.why = msg_link::reason::lost;
        f.link.handler().on_stream_ended(lost);
        msg_link::stream_answer ok;
        ok.stream = 2;
        f.link.handler().on_subscribed(ok);
        f.deliver(10, fixture::alarm("c8y_A"), 2);
        CHECK(f.held() == std::vector<std::uint64_t>{10});
    }
    f.platform.held = false;
    REQUIRE(f.until_empty());
    CHECK(f.platform.alarms.size() == 1);
    CHECK(f.held().empty());
}
