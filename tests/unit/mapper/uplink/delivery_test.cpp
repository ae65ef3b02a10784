#include "mapper/uplink/delivery.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/unit/mapper/uplink/fake_platform.hpp"

#include <boost/asio/co_spawn.hpp>

#include <deque>
#include <set>

using namespace mapper::uplink;
using mapper::transform::device_reference;
using mapper::transform::output_kind;

namespace {

resolver_options quick_resolver() {
    resolver_options made;
    made.delays = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    return made;
}

delivery_options quick() {
    delivery_options made;
    made.delays = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    made.linger = std::chrono::milliseconds(5);
    return made;
}

struct fixture : delivery_sink {
    boost::asio::io_context loop{1};
    fake::platform platform;
    support::manual_clock clock;
    ops::metrics numbers;
    mapper::meters meters{numbers};
    mapper::tenant_meters count = meters.of("t1");
    identity_resolver resolver{loop.get_executor(), platform, clock, count, quick_resolver()};
    delivery sending{loop.get_executor(), platform, resolver, clock, count, *this, quick()};
    mapper::mapping::mapping by;
    std::deque<message> messages;
    std::multiset<std::uint64_t> accepted;
    std::vector<std::pair<std::uint64_t, unsigned>> refused;
    std::size_t unknown = 0;

    ~fixture() override {
        bool stopped = false;
        boost::asio::co_spawn(loop, resolver.stop(), [&](const std::exception_ptr&) { stopped = true; });
        fake::run_until(loop, [&] { return stopped; });
        stopped = false;
        boost::asio::co_spawn(loop, sending.stop(), [&](const std::exception_ptr&) { stopped = true; });
        fake::run_until(loop, [&] { return stopped; });
    }

    void on_accepted(message& of) override { accepted.insert(of.position); }
    void on_refused(const part& what, const platform::platform_error& why, bool unknown_device) override {
        refused.emplace_back(what.of->position, why.status);
        if (unknown_device) ++unknown;
    }

    void add(const std::string& device, std::uint64_t position, std::string members,
             output_kind kind = output_kind::measurement, bool create = true) {
        messages.emplace_back();
        messages.back().position = position;
        part what;
        what.kind = kind;
        what.of = &messages.back();
        what.by = &by;
        what.body = "{\"n\":" + std::to_string(position) + (members.empty() ? "" : "," + members) + "}";
        what.alarm_type = "a";
        sending.add({"c8y_Serial", device, create, "{}"}, std::move(what));
    }
    bool settled(std::size_t wanted) {
        sending.pump();
        return fake::run_until(loop, [&] { return accepted.size() + refused.size() >= wanted; });
    }
    void in_order() {
        std::map<std::string, std::uint64_t> last;
        for (const auto& one : platform.measurements) {
            const auto n = std::stoull(mapper::api::text_at(one.body, "/n"));
            REQUIRE(n > last[one.source]);
            last[one.source] = n;
        }
    }
};

} // namespace

TEST_CASE("delivery: measurements of many devices travel in collections, order per device is kept",
          "[mapper][delivery]") {
    fixture f;
    for (std::uint64_t i = 1; i <= 3000; ++i) f.add("D" + std::to_string(i % 7), i, {});
    REQUIRE(f.settled(3000));
    CHECK(f.accepted.size() == 3000);
    CHECK(f.refused.empty());
    CHECK(f.platform.measurements.size() == 3000);
    CHECK(f.platform.largest_collection == 200);
    CHECK(f.platform.calls["measurements_create"] < 40);
    CHECK(f.platform.objects.size() == 7);
    f.in_order();
    CHECK(f.sending.lanes() == 0);
}

TEST_CASE("delivery: nothing is lost and order is kept when one request in ten fails", "[mapper][delivery]") {
    fixture f;
    const unsigned seed = GENERATE(1U, 2U, 3U);
    INFO("seed " << seed);
    f.platform.random.seed(seed);
    f.platform.fail_percent = 10;
    for (std::uint64_t i = 1; i <= 2000; ++i) {
        f.add("D" + std::to_string(f.platform.random() % 50), i, {});
        if (i % 37 == 0) f.sending.pump();
    }
    REQUIRE(f.settled(2000));
    CHECK(f.platform.measurements.size() == 2000);
    CHECK(f.refused.empty());
    CHECK(f.platform.running_most <= 8 + 8); // requests, and lookups beside them
    CHECK(f.count.retries.value() > 0);
    f.in_order();
}

TEST_CASE("delivery: one bad reading does not take the good ones of its collection down", "[mapper][delivery]") {
    fixture f;
    for (std::uint64_t i = 1; i <= 200; ++i)
        f.add("D" + std::to_string(i % 3), i, i == 77 || i == 130 ? "\"bad\":1" : "");
    REQUIRE(f.settled(200));
    CHECK(f.accepted.size() == 198);
    std::sort(f.refused.begin(), f.refused.end());
    CHECK(f.refused == std::vector<std::pair<std::uint64_t, unsigned>>{{77, 422}, {130, 422}});
    CHECK(f.platform.measurements.size() == 198);
    f.in_order();
}

TEST_CASE("delivery: a device that may not be created is refused as unknown", "[mapper][delivery]") {
    fixture f;
    f.add("ghost", 1, {}, output_kind::measurement, false);
    f.add("ghost", 2, {}, output_kind::event, false);
    REQUIRE(f.settled(2));
    CHECK(f.unknown == 2);
    CHECK(f.platform.calls["measurements_create"] == 0);
    f.add("ghost", 3, {}, output_kind::measurement, false); // answered from the memory
    REQUIRE(f.settled(3));
    CHECK(f.platform.calls["identity_get"] == 1);
    CHECK(f.sending.lanes() == 0);
}

TEST_CASE("delivery: a measurement behind an event of the same device waits for it", "[mapper][delivery]") {
    fixture f;
    f.add("D", 1, {});
    f.add("D", 2, {}, output_kind::event);
    f.add("D", 3, {});
    f.add("E", 4, {});
    REQUIRE(f.settled(4));
    CHECK(f.platform.events.size() == 1);
    CHECK(f.platform.measurements.size() == 3);
    f.in_order();
}

TEST_CASE("delivery: nothing is settled before the platform answered", "[mapper][delivery]") {
    fixture f;
    f.add("D", 1, {});
    f.platform.held = true;
    f.sending.pump();
    for (int i = 0; i < 500; ++i) f.loop.poll_one();
    CHECK(f.accepted.empty());
    f.platform.held = false;
    REQUIRE(f.settled(1));
    CHECK(f.accepted.size() == 1);
}

TEST_CASE("delivery: a device deleted on the platform is looked up again before a refusal is believed",
          "[mapper][delivery]") {
    fixture f;
    f.add("D", 1, {});
    REQUIRE(f.settled(1));
    f.platform.objects.clear();
    f.platform.bound.clear();
    f.clock.advance(std::chrono::minutes(2));
    f.add("D", 2, {});
    f.add("D", 3, {});
    REQUIRE(f.settled(3));
    CHECK(f.refused.empty());
    CHECK(f.platform.objects.size() == 1);
    f.in_order();
}

TEST_CASE("delivery: an alarm known to be cleared is not looked for again until it is raised", "[mapper][delivery]") {
    fixture f;
    for (std::uint64_t i = 1; i <= 10; ++i) f.add("D", i, {}, output_kind::alarm_clear);
    REQUIRE(f.settled(10));
    CHECK(f.platform.calls["alarm_find"] == 1);
    f.add("D", 11, {}, output_kind::alarm);
    f.add("D", 12, {}, output_kind::alarm_clear);
    REQUIRE(f.settled(12));
    CHECK(f.platform.calls["alarm_find"] == 2);
}
