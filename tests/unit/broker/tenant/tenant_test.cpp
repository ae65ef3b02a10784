#include "broker/tenant/tenant.hpp"
#include "broker/tenant/tenant_registry.hpp"
#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using broker::session::cause;
using broker::tenant::client_rates;
using broker::tenant::rate_limits;
using std::chrono::milliseconds;

namespace {

std::shared_ptr<const tenant::tenant_settings> with(const rate_limits& rates) {
    auto made = std::make_shared<tenant::tenant_settings>();
    made->rates = rates;
    return made;
}

struct world {
    explicit world(const rate_limits& rates = {}) : one("t1", with(rates), &count), mine(rates) {}

    double counted(const std::string& line) const {
        const auto text = metrics.text();
        const auto at = text.find(line + " ");
        return at == std::string::npos ? 0 : std::stod(text.substr(at + line.size()));
    }

    support::manual_clock time;
    ops::metrics metrics;
    tenant::meters count{metrics};
    tenant::tenant one;
    client_rates mine;
};

} // namespace

TEST_CASE("tenant: the preview has no limits", "[tenant][limits]") {
    world at;
    CHECK_FALSE(at.one.limits_publishes());
    CHECK_FALSE(at.one.limits_deliveries());
    for (int i = 0; i < 5000; ++i) {
        REQUIRE(at.one.admit("c" + std::to_string(i), at.time.now()) == cause::none);
        REQUIRE(at.one.take_publish(at.mine, 1'000'000, at.time.now()) == cause::none);
        REQUIRE(at.one.take_delivery(1'000'000, at.time.now()) == cause::none);
    }
    CHECK(at.one.take(at.time.now(), 12345) == 12345);
    CHECK(at.one.connections() == 5000);
}

TEST_CASE("tenant: connections are bounded, a place becomes free when its client leaves", "[tenant][limits]") {
    rate_limits rates;
    rates.connections = 2;
    world at(rates);
    CHECK(at.one.admit("a", at.time.now()) == cause::none);
    CHECK(at.one.admit("b", at.time.now()) == cause::none);
    CHECK(at.one.admit("c", at.time.now()) == cause::connections);
    CHECK(at.one.connections() == 2);
    at.one.leave("a");
    CHECK(at.one.admit("c", at.time.now()) == cause::none);
}

TEST_CASE("tenant: at the limit a client may still take over its own half-open connection", "[tenant][limits]") {
    rate_limits rates;
    rates.connections = 1;
    world at(rates);
    CHECK(at.one.admit("a", at.time.now()) == cause::none);
    CHECK(at.one.admit("a", at.time.now()) == cause::none);
    CHECK(at.one.connections() == 2);
    at.one.leave("a"); // the old one
    CHECK(at.one.connections() == 1);
    CHECK(at.one.admit("b", at.time.now()) == cause::connections);
    at.one.leave("a");
    CHECK(at.one.connections() == 0);
    at.one.leave("a");
    CHECK(at.one.connections() == 0);
}

TEST_CASE("tenant: connects per second", "[tenant][limits]") {
    rate_limits rates;
    rates.connect_rate = 3;
    world at(rates);
    for (int i = 0; i < 3; ++i) CHECK(at.one.admit("c", at.time.now()) == cause::none);
    CHECK(at.one.admit("c", at.time.now()) == cause::connect_rate);
    at.time.advance(milliseconds(340));
    CHECK(at.one.admit("c", at.time.now()) == cause::none);
    CHECK(at.one.admit("c", at.time.now()) == cause::connect_rate);
}

TEST_CASE("tenant: who is refused at the limit of connections uses up no connect", "[tenant][limits]") {
    rate_limits rates;
    rates.connections = 1;
    rates.connect_rate = 3;
    world at(rates);
    CHECK(at.one.admit("a", at.time.now()) == cause::none);
    for (int i = 0; i < 10; ++i) CHECK(at.one.admit("b", at.time.now()) == cause::connections);
    at.one.leave("a");
    CHECK(at.one.admit("b", at.time.now()) == cause::none);
    CHECK(at.one.admit("b", at.time.now()) == cause::none);
    CHECK(at.one.admit("b", at.time.now()) == cause::connect_rate);
}

TEST_CASE("tenant: publishes of one client and of all", "[tenant][limits]") {
    rate_limits rates;
    rates.publish_rate = 5;
    rates.publish_rate_per_client = 3;
    world at(rates);
    client_rates other(rates);
    CHECK(at.one.limits_publishes());
    for (int i = 0; i < 3; ++i) CHECK(at.one.take_publish(at.mine, 1, at.time.now()) == cause::none);
    CHECK(at.one.take_publish(at.mine, 1, at.time.now()) == cause::publish_rate_per_client);
    CHECK(at.one.take_publish(other, 1, at.time.now()) == cause::none);
    CHECK(at.one.take_publish(other, 1, at.time.now()) == cause::none);
    CHECK(at.one.take_publish(other, 1, at.time.now()) == cause::publish_rate);
    at.time.advance(milliseconds(1000));
    CHECK(at.one.take_publish(at.mine, 1, at.time.now()) == cause::none);
}

TEST_CASE("tenant: bytes of both directions share one throughput", "[tenant][limits]") {
    rate_limits rates;
    rates.throughput_bytes = 1000;
    world at(rates);
    CHECK(at.one.limits_publishes());
    CHECK(at.one.limits_deliveries());
    CHECK(at.one.take_publish(at.mine, 600, at.time.now()) == cause::none);
    CHECK(at.one.take_delivery(600, at.time.now()) == cause::none); // the last one may be larger than what is left
    CHECK(at.one.take_publish(at.mine, 1, at.time.now()) == cause::throughput);
    CHECK(at.one.take_delivery(1, at.time.now()) == cause::throughput);
    CHECK(at.one.take(at.time.now(), 10) == 0);
    at.time.advance(milliseconds(201));
    CHECK(at.one.take(at.time.now(), 10) == 10);
    at.one.spend_delivery(5000);
    at.time.advance(milliseconds(1000));
    CHECK(at.one.take_publish(at.mine, 1, at.time.now()) == cause::throughput);
}

TEST_CASE("tenant: deliveries: QoS 0 is refused over the rate, QoS 1 gets what is left", "[tenant][limits]") {
    rate_limits rates;
    rates.delivery_rate = 10;
    world at(rates);
    CHECK(at.one.take(at.time.now(), 4) == 4);
    for (int i = 0; i < 6; ++i) CHECK(at.one.take_delivery(1, at.time.now()) == cause::none);
    CHECK(at.one.take_delivery(1, at.time.now()) == cause::delivery_rate);
    CHECK(at.one.take(at.time.now(), 4) == 0);
    at.time.advance(milliseconds(301));
    CHECK(at.one.take(at.time.now(), 7) == 3);
}

TEST_CASE("tenant: topics begun by one client, per minute", "[tenant][limits]") {
    rate_limits rates;
    rates.topic_creation_rate_per_client = 60;
    world at(rates);
    int begun = 0;
    for (int i = 0; i < 200; ++i) begun += at.mine.topics.take(at.time.now());
    CHECK(begun == 60);
    at.time.advance(milliseconds(2001));
    for (int i = 0; i < 200; ++i) begun += at.mine.topics.take(at.time.now());
    CHECK(begun == 62);
}

TEST_CASE("tenant: a reload changes the tenant's limits for those who are connected", "[tenant][limits]") {
    auth::tenant_options own;
    own.limits.publish_rate = 1;
    tenant::tenant_registry tenants({}, [&](std::string_view) { return &own; });
    support::manual_clock time;
    const auto one = tenants.find_or_make("t1");
    client_rates mine(one->settings()->rates);
    CHECK(one->take_publish(mine, 1, time.now()) == cause::none);
    CHECK(one->take_publish(mine, 1, time.now()) == cause::publish_rate);
    own.limits.publish_rate = 0;
    own.limits.connections = 1;
    tenants.reload();
    CHECK(one->take_publish(mine, 1, time.now()) == cause::none);
    CHECK_FALSE(one->limits_publishes());
    CHECK(one->admit("a", time.now()) == cause::none);
    CHECK(one->admit("b", time.now()) == cause::connections);
}

TEST_CASE("tenant: reports are bounded per client and per tenant", "[tenant][limits]") {
    world at;
    int passed = 0;
    for (int i = 0; i < 1000; ++i) passed += at.one.may_report("bad", at.time.now());
    CHECK(passed == 16);
    CHECK(at.one.may_report("other", at.time.now()));
    at.time.advance(milliseconds(4001));
    CHECK(at.one.may_report("bad", at.time.now()));
    CHECK_FALSE(at.one.may_report("bad", at.time.now()));
    passed = 0;
    for (int i = 0; i < 100'000; ++i) passed += at.one.may_report("c" + std::to_string(i), at.time.now());
    CHECK(passed <= 100);
    CHECK(passed >= 50);
    passed = 0;
    for (int tenths = 0; tenths < 600; ++tenths) { // a minute of new names
        at.time.advance(milliseconds(100));
        for (int i = 0; i < 50; ++i) passed += at.one.may_report("d" + std::to_string(i * 600 + tenths), at.time.now());
    }
    CHECK(passed <= 20 * 60 + 100);
}

TEST_CASE("tenant: a few clients that err do not hold each other up", "[tenant][limits]") {
    world at;
    for (int client = 0; client < 6; ++client)
        for (int i = 0; i < 16; ++i) CHECK(at.one.may_report("client-" + std::to_string(client), at.time.now()));
}

TEST_CASE("tenant: each alarm once a minute, with the number that was held back", "[tenant][limits]") {
    using tenant::alarm;
    world at;
    CHECK(at.one.may_alarm(alarm::connections, at.time.now()) == 0U);
    CHECK(at.one.may_alarm(alarm::publish_rate, at.time.now()) == 0U);
    for (int i = 0; i < 7; ++i) CHECK_FALSE(at.one.may_alarm(alarm::connections, at.time.now()));
    at.time.advance(milliseconds(59'999));
    CHECK_FALSE(at.one.may_alarm(alarm::connections, at.time.now()));
    at.time.advance(milliseconds(1));
    CHECK(at.one.may_alarm(alarm::connections, at.time.now()) == 8U);
    CHECK_FALSE(at.one.may_alarm(alarm::connections, at.time.now()));
}

TEST_CASE("tenant: what is refused is counted with tenant and reason", "[tenant][limits]") {
    world at;
    at.one.count().refused(cause::publish_rate);
    at.one.count().refused(cause::publish_rate);
    at.one.count().refused(cause::connections);
    at.one.count().report(true);
    at.one.count().report(false);
    at.one.count().alarm(true);
    at.one.count().paced();
    CHECK(at.counted(R"(mqtt_refused_total{tenant="t1",reason="publish_rate"})") == 2);
    CHECK(at.counted(R"(mqtt_refused_total{tenant="t1",reason="connections"})") == 1);
    CHECK(at.counted(R"(mqtt_reports_total{tenant="t1",result="published"})") == 1);
    CHECK(at.counted(R"(mqtt_reports_total{tenant="t1",result="held_back"})") == 1);
    CHECK(at.counted(R"(mqtt_alarms_total{tenant="t1",result="published"})") == 1);
    CHECK(at.counted(R"(mqtt_deliveries_paced_total{tenant="t1"})") == 1);
}
