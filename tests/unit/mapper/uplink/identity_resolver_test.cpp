#include "mapper/uplink/identity_resolver.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/unit/mapper/uplink/fake_platform.hpp"

#include <boost/asio/co_spawn.hpp>

using mapper::transform::device_reference;
using mapper::uplink::identity_resolver;
using mapper::uplink::resolution;
using mapper::uplink::resolver_options;

namespace {

resolver_options quick() {
    resolver_options made;
    made.entries_max = 4;
    made.delays = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    return made;
}

struct fixture {
    boost::asio::io_context loop{1};
    fake::platform platform;
    support::manual_clock clock;
    ops::metrics numbers;
    mapper::meters meters{numbers};
    mapper::tenant_meters count = meters.of("t1");
    identity_resolver resolver{loop.get_executor(), platform, clock, count, quick()};

    ~fixture() {
        bool stopped = false;
        boost::asio::co_spawn(loop, resolver.stop(), [&](const std::exception_ptr&) { stopped = true; });
        fake::run_until(loop, [&] { return stopped; });
    }
    static device_reference device(const std::string& id, bool create = true) {
        return {"c8y_Serial", id, create, R"({"name":"x","c8y_IsDevice":{}})"};
    }
    resolution ask(const device_reference& of) {
        resolution got;
        bool done = false;
        resolver.resolve(of, [&](const resolution& what) {
            got = what;
            done = true;
        });
        REQUIRE(fake::run_until(loop, [&] { return done; }));
        return got;
    }
};

} // namespace

TEST_CASE("identity: 64 first contacts at the same time make one device", "[mapper][identity]") {
    fixture f;
    int answers = 0;
    std::string id;
    for (int i = 0; i < 64; ++i)
        f.resolver.resolve(fixture::device("A1"), [&](const resolution& what) {
            REQUIRE(what.what == resolution::outcome::known);
            if (id.empty()) id = what.id;
            CHECK(what.id == id);
            ++answers;
        });
    REQUIRE(fake::run_until(f.loop, [&] { return answers == 64; }));
    CHECK(f.platform.calls["inventory_create"] == 1);
    CHECK(f.platform.calls["identity_get"] == 1);
    CHECK(f.platform.objects.size() == 1);
    CHECK(f.count.devices_created.value() == 1);
    REQUIRE(f.resolver.known(identity_resolver::key_of("c8y_Serial", "A1")) != nullptr);
}

TEST_CASE("identity: another instance was faster, its device counts and ours is deleted", "[mapper][identity]") {
    fixture f;
    f.platform.before_bind = [&] { f.platform.bound["A1"] = "77"; };
    const auto got = f.ask(fixture::device("A1"));
    CHECK(got.what == resolution::outcome::known);
    CHECK(got.id == "77");
    CHECK(f.platform.deleted == std::vector<std::string>{"101"});
    CHECK(f.count.devices_created.value() == 0);
}

TEST_CASE("identity: a device that was bound although the answer was lost is not deleted", "[mapper][identity]") {
    fixture f;
    f.platform.random.seed(7);
    f.platform.fail_percent = 60;
    f.platform.lost_answers = true;
    for (int i = 0; i < 30; ++i) {
        const auto name = "D" + std::to_string(i);
        const auto got = f.ask(fixture::device(name));
        REQUIRE(got.what == resolution::outcome::known);
        CHECK(f.platform.bound.at(name) == got.id);
        CHECK(f.platform.objects.contains(got.id));
    }
}

TEST_CASE("identity: unknown and not to be created is remembered for a while", "[mapper][identity]") {
    fixture f;
    CHECK(f.ask(fixture::device("A1", false)).what == resolution::outcome::unknown);
    CHECK(f.ask(fixture::device("A1", false)).what == resolution::outcome::unknown);
    CHECK(f.platform.calls["identity_get"] == 1);
    f.clock.advance(std::chrono::seconds(11));
    f.platform.bound["A1"] = "5";
    CHECK(f.ask(fixture::device("A1", false)).id == "5");
    CHECK(f.platform.calls["identity_get"] == 2);
}

TEST_CASE("identity: a mapping that may create does not wait for the memory of one that may not",
          "[mapper][identity]") {
    fixture f;
    CHECK(f.ask(fixture::device("A1", false)).what == resolution::outcome::unknown);
    CHECK(f.ask(fixture::device("A1", true)).what == resolution::outcome::known);
}

TEST_CASE("identity: the memory is bounded and forgets what was not used longest", "[mapper][identity]") {
    fixture f;
    for (int i = 0; i < 6; ++i) (void)f.ask(fixture::device("D" + std::to_string(i)));
    CHECK(f.resolver.size() == 4);
    CHECK(f.resolver.known(identity_resolver::key_of("c8y_Serial", "D0")) == nullptr);
    CHECK(f.resolver.known(identity_resolver::key_of("c8y_Serial", "D5")) != nullptr);
    f.clock.advance(std::chrono::hours(1));
    CHECK(f.resolver.known(identity_resolver::key_of("c8y_Serial", "D5")) == nullptr);
}
