#include "broker/tenant/alarm.hpp"

#include <catch2/catch.hpp>

using namespace broker;
using broker::session::cause;
using broker::tenant::alarm;
using broker::tenant::alarm_of;
using mqtt::packet_type;

namespace {
constexpr std::int64_t february = 1'770'113'730'000; // 2026-02-03T10:15:30Z
}

TEST_CASE("alarms: each limit of ref A.12 has its alarm", "[tenant][limits]") {
    const auto type = [](cause why, packet_type packet) { return std::string(type_of(alarm_of(why, packet))); };
    const std::string prefix = "c8y_MqttService_";
    CHECK(type(cause::packet_bytes, packet_type::connect) == prefix + "MaximumPacketSize_Connect");
    CHECK(type(cause::packet_bytes, packet_type::publish) == prefix + "MaximumPacketSize_Publish");
    CHECK(type(cause::packet_bytes, packet_type::subscribe) == prefix + "MaximumPacketSize_Subscribe");
    CHECK(type(cause::packet_bytes, packet_type::unsubscribe) == prefix + "MaximumPacketSize_Unsubscribe");
    CHECK(type(cause::connections, packet_type::connect) == prefix + "TenantConnectionsLimitExceeded");
    CHECK(type(cause::connect_rate, packet_type::connect) == prefix + "TenantConnectionRateLimitExceeded");
    CHECK(type(cause::publish_rate, packet_type::publish) == prefix + "IncomingPublishRateLimitExceeded");
    CHECK(type(cause::publish_rate_per_client, packet_type::publish) == prefix + "IncomingPublishRateLimitExceeded");
    CHECK(type(cause::delivery_rate, packet_type::publish) == prefix + "OutgoingPublishRateLimitExceeded");
    CHECK(alarm_of(cause::topics, packet_type::publish) == alarm::none);
    CHECK(alarm_of(cause::packet_bytes, packet_type::pingreq) == alarm::none);
}

TEST_CASE("alarms: JSON for the mapper", "[tenant][limits]") {
    CHECK(tenant::alarm_json(alarm::connections, 0, february) ==
          R"({"type":"c8y_MqttService_TenantConnectionsLimitExceeded","severity":"MAJOR",)"
          R"("text":"Too many MQTT clients are connected; one more was refused","time":"2026-02-03T10:15:30.000Z"})");
    CHECK_THAT(tenant::alarm_json(alarm::connect_rate, 41, february), Catch::Contains("(and 41 times since"));
}

TEST_CASE("errors: JSON of ref A.9", "[tenant][limits]") {
    session::refusal what;
    what.packet = packet_type::subscribe;
    what.reason = mqtt::reason_code::quota_exceeded;
    what.why = cause::topics;
    what.topic = "a/b";
    what.text = "the tenant has as many topics as it may have";
    what.packet_identifier = 12;
    CHECK(tenant::error_json(what, "dev-7", february) ==
          R"({"error":"mqtt-service/topicLimitExceeded","message":"the tenant has as many topics as it may have",)"
          R"("clientId":"dev-7","topic":"a/b","packetType":"SUBSCRIBE","messageId":12,"reasonCode":151,)"
          R"("time":"2026-02-03T10:15:30.000Z"})");
    session::refusal bare;
    bare.reason = mqtt::reason_code::keep_alive_timeout;
    bare.why = cause::keep_alive;
    bare.text = "t";
    CHECK(tenant::error_json(bare, "a\"b", february) ==
          R"({"error":"mqtt-service/keepAliveExpired","message":"t","clientId":"a\"b","reasonCode":141,)"
          R"("time":"2026-02-03T10:15:30.000Z"})");
}

TEST_CASE("errors: long topics are cut between characters", "[tenant][limits]") {
    session::refusal what;
    std::string topic = "x";
    while (topic.size() < 60'000) topic += "ü";
    what.topic = topic;
    const auto json = tenant::error_json(what, "c", february);
    CHECK(json.size() < 1'400);
    CHECK(json.find("\xEF\xBF\xBD") == std::string::npos);
    CHECK(json.find("\\ufffd") == std::string::npos);
}
