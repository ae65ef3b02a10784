#include "mapper/mapping/mapping_loader.hpp"
#include "mapper/transform/uplink_transform.hpp"

#include <catch2/catch.hpp>

using namespace mapper;
using namespace mapper::transform;

namespace {

struct fixture {
    mapping::mapping_ptr mapping;
    uplink_transform transform;
    uplink_result result;

    explicit fixture(std::string_view to, std::string_view device = "device: { externalId: \"=payload.sn\" }\n") {
        const auto loaded = mapping::load_mapping("mapping: m\nfrom: { topic: \"a/{site}\" }\n" + std::string(device) +
                                                      "to:\n" + std::string(to),
                                                  "m.yaml", "t1");
        for (const auto& one : loaded.complaints) UNSCOPED_INFO(one.text());
        REQUIRE(loaded.made != nullptr);
        mapping = loaded.made;
    }
    uplink_status send(std::string_view payload, std::string_view topic = "a/b") {
        transform.open({topic, payload, "client", "user", 1'767'225'600'000});
        return transform.apply(*mapping, result);
    }
    std::string body(std::size_t i = 0) { return i < result.output_count ? result.outputs[i].body : "none"; }
};

constexpr std::string_view event = "  - event: { type: t, text: x }\n";

} // namespace

TEST_CASE("uplink: measurement, event, alarm and inventory as the platform takes them", "[transform]") {
    fixture f(
        "  - measurement: { type: t, time: \"=payload.ts\", env: { T: { value: \"=payload.t\", unit: C }, H: { value: "
        "\"=payload.h\" } } }\n"
        "  - event: { type: t, text: \"at ${site}\", extra: { a: [1, \"=payload.t\"] }, gone: \"=payload.none\" }\n"
        "  - alarm: { when: \"=payload.t > 80\", clearWhen: \"=payload.t < 70\", type: \"hot_${site}\", text: hot, "
        "severity: MAJOR }\n"
        "  - inventory: { state: \"=payload.t\" }\n");
    REQUIRE(f.send(R"({"sn":"A1","t":81.5,"ts":1767225600123})") == uplink_status::made);
    REQUIRE(f.result.output_count == 4);
    CHECK(f.result.devices[0].external_id == "A1");
    CHECK(f.result.devices[0].type == "c8y_Serial");
    CHECK_FALSE(f.result.devices[0].create);
    CHECK(f.body(0) == R"({"type":"t","time":"2026-01-01T00:00:00.123Z","env":{"T":{"value":81.5,"unit":"C"}}})");
    CHECK(f.body(1) == R"({"type":"t","time":"2026-01-01T00:00:00.000Z","text":"at b","extra":{"a":[1,81.5]}})");
    CHECK(f.body(2) == R"({"type":"hot_b","time":"2026-01-01T00:00:00.000Z","text":"hot","severity":"MAJOR"})");
    CHECK(f.result.outputs[2].alarm_type == "hot_b");
    CHECK(f.body(3) == R"({"state":81.5})");
    REQUIRE(f.send(R"({"sn":"A1","t":60})") == uplink_status::made);
    CHECK(f.result.outputs[2].kind == output_kind::alarm_clear);
    CHECK(f.result.outputs[2].alarm_type == "hot_b");
    CHECK(f.body(2).empty());
    REQUIRE(f.send(R"({"sn":"A1","t":75})") == uplink_status::made);
    CHECK(f.result.output_count == 3);
}

TEST_CASE("uplink: a reading that is missing is left out, and without any there is no measurement", "[transform]") {
    fixture f(
        "  - measurement: { type: t, a: { x: { value: \"=payload.x\" } }, b: { y: { value: \"=payload.y\" } } }\n");
    REQUIRE(f.send(R"({"sn":"A","y":1})") == uplink_status::made);
    CHECK(f.body() == R"({"type":"t","time":"2026-01-01T00:00:00.000Z","b":{"y":{"value":1}}})");
    CHECK(f.send(R"({"sn":"A","x":null})") == uplink_status::skipped);
    CHECK(f.send(R"({"sn":"A","x":"1"})") == uplink_status::failed);
    CHECK(f.result.error.key_path == "to[0].measurement.a.x.value");
    CHECK(f.result.error.line == 5);
    CHECK(f.result.error.message == "a number is needed, not \"1\"; $number(…) makes a number of a text");
}

TEST_CASE("uplink: empty, null and undefined external IDs are refused", "[transform]") {
    const auto payload = GENERATE(as<std::string>{}, R"({})", R"({"sn":null})", R"({"sn":""})", R"({"sn":"null"})",
                                  R"({"sn":"undefined"})", R"({"sn":{"a":1}})", R"({"sn":[]})");
    INFO(payload);
    fixture f(event);
    CHECK(f.send(payload) == uplink_status::failed);
    CHECK(f.result.error.key_path == "device.externalId");
    CHECK(f.result.output_count == 0);
}

TEST_CASE("uplink: numbers become external IDs without a fraction", "[transform]") {
    fixture f(event);
    REQUIRE(f.send(R"({"sn":490154203237518})") == uplink_status::made);
    CHECK(f.result.devices[0].external_id == "490154203237518");
}

TEST_CASE("uplink: a new device gets its name, its type and c8y_IsDevice", "[transform]") {
    fixture f(
        event,
        "device: { externalId: \"=payload.sn\", create: { type: box, c8y_Hardware: { model: \"=payload.m\" } } }\n");
    REQUIRE(f.send(R"({"sn":"A\"1","m":"x"})") == uplink_status::made);
    CHECK(f.result.devices[0].create_body ==
          R"({"type":"box","c8y_Hardware":{"model":"x"},"name":"A\"1","c8y_IsDevice":{}})");
}

TEST_CASE("uplink: times that the platform would not take are refused", "[transform]") {
    const auto time = GENERATE(as<std::string>{}, R"("yesterday")", R"("2026-01-01")", R"("2026-01-01T00:00:00")", "-1",
                               "1e300", "true", "{}");
    INFO(time);
    fixture f("  - event: { type: t, text: x, time: \"=payload.ts\" }\n");
    CHECK(f.send(R"({"sn":"A","ts":)" + time + "}") == uplink_status::failed);
    CHECK(f.result.error.key_path == "to[0].event.time");
}

TEST_CASE("uplink: other topics are skipped, bad payloads fail with the format's message", "[transform]") {
    fixture f(event);
    CHECK(f.send(R"({"sn":"A"})", "a/b/c") == uplink_status::skipped);
    CHECK(f.send("{") == uplink_status::failed);
    CHECK(f.result.error.text() ==
          "m.yaml: error: from.format: the message is not valid JSON: a `}` is missing at the end");
    CHECK(f.send(R"({"sn":"A"})") == uplink_status::made);
}

TEST_CASE("uplink: hostile texts stay inside their JSON string", "[transform]") {
    fixture f("  - event: { type: t, text: \"${payload.x}\" }\n");
    REQUIRE(f.send(R"({"sn":"A","x":"\",\"source\":{\"id\":\"1\"},\"y\":\"\u0000"})") == uplink_status::made);
    CHECK(f.body().find(R"("text":"\",\"source\":{\"id\":\"1\"},\"y\":\"\u0000")") != std::string::npos);
}
