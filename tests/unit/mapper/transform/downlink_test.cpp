#include "mapper/mapping/mapping_loader.hpp"
#include "mapper/transform/downlink_transform.hpp"

#include <catch2/catch.hpp>

using namespace mapper;
using namespace mapper::transform;

namespace {

mapping::mapping_ptr relay() {
    const auto loaded = mapping::load_mapping_file(std::string(EXAMPLES) + "/t0815/relay.yaml", "t0815");
    REQUIRE(loaded.made != nullptr);
    return loaded.made;
}

const device_context box{"4711", "box", "relay_box", {{"c8y_Serial", "B7"}}};
constexpr std::string_view closed = R"({"id":"9900","deviceId":"4711","c8y_Relay":{"relayState":"CLOSED"}})";

} // namespace

TEST_CASE("downlink: an operation becomes a publish for its device", "[transform]") {
    const auto of = relay();
    downlink_transform transform;
    REQUIRE(transform.applies(*of, closed, box));
    CHECK_FALSE(transform.applies(*of, R"({"id":"1","c8y_Restart":{}})", box));
    auto other = box;
    other.type = "pump";
    CHECK_FALSE(transform.applies(*of, closed, other));
    publish_request request;
    REQUIRE(transform.publish(*of, closed, box, 0, request));
    CHECK(request.topic == "dev/B7/cmd");
    CHECK(request.payload == R"({"id":"9900","cmd":"relay","state":true})");
    CHECK(request.qos == 1);
    CHECK(of->downlink->status_on_publish == "EXECUTING");
    CHECK(of->downlink->timeout == std::chrono::seconds(60));
}

TEST_CASE("downlink: a device without the external ID is refused, not published to a broken topic", "[transform]") {
    const auto of = relay();
    downlink_transform transform;
    publish_request request;
    CHECK_FALSE(transform.publish(*of, closed, {"4711", "box", "relay_box", {}}, 0, request));
    CHECK(transform.error().key_path == "publish.topic");
    CHECK(transform.error().message == "the topic \"dev//cmd\" has an empty level; is a value missing?");
    CHECK_FALSE(transform.publish(*of, closed, {"4711", "box", "relay_box", {{"c8y_Serial", "#"}}}, 0, request));
}

TEST_CASE("downlink: an answer finds its operation among several", "[transform]") {
    const auto of = relay();
    downlink_transform transform;
    const open_operation first{"9900", std::string(closed), box};
    const open_operation second{"9901", R"({"id":"9901","c8y_Relay":{"relayState":"OPEN"}})", box};
    const std::vector<const open_operation*> open{&first, &second};
    auto update = transform.answer(*of, {"dev/B7/cmd/ack", R"({"id":"9901","rc":0})", "c", "u", 0}, open);
    REQUIRE(update);
    CHECK(update->operation_id == "9901");
    CHECK(update->status == "SUCCESSFUL");
    CHECK(update->body == R"({"status":"SUCCESSFUL"})");
    update = transform.answer(*of, {"dev/B7/cmd/ack", R"({"id":"9900","rc":7})", "c", "u", 0}, open);
    REQUIRE(update);
    CHECK(update->operation_id == "9900");
    CHECK(update->body == R"({"status":"FAILED","failureReason":"rc=7"})");
    CHECK_FALSE(transform.answer(*of, {"dev/B7/cmd/ack", R"({"id":"1"})", "c", "u", 0}, open));
    CHECK_FALSE(transform.failed());
    CHECK_FALSE(transform.answer(*of, {"dev/B7/other", R"({"id":"9900"})", "c", "u", 0}, open));
    CHECK_FALSE(transform.answer(*of, {"dev/B7/cmd/ack", "{", "c", "u", 0}, open));
    CHECK(transform.failed());
}
