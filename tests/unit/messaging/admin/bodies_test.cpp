#include "messaging/admin/json.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace messaging::admin;

TEST_CASE("bodies: a topic has a name that an application may use", "[admin]") {
    new_topic read;
    REQUIRE(read_new_topic(R"({"name":"plant/line1"})", read) == "");
    CHECK(read.name == "plant/line1");
    CHECK(read.name_space == "mqtt");
    for (const auto* body : {R"({})", R"({"name":""})", R"({"name":1})", R"({"name":"a/#"})", R"({"name":"$debug/x"})",
                             R"({"name":"a","namespace":"$management"})", R"({"name":"a\nb"})", R"({"name":"a","x":1})",
                             R"(["name"])", R"({"name":"a")", ""}) {
        INFO(body);
        new_topic bad;
        CHECK(read_new_topic(body, bad) != "");
    }
    new_topic bad;
    CHECK(read_new_topic(R"({"name":")" + std::string(4097, 'a') + R"("})", bad) != "");
}

TEST_CASE("bodies: a subscription names subscriber and topic or filter", "[admin]") {
    new_subscription read;
    REQUIRE(read_new_subscription(R"({"subscriber":"app","topic":"a/+/#","start":"earliest"})", read) == "");
    CHECK(read.topic == "a/+/#");
    CHECK(read.start == msg_link::start_at::earliest);
    REQUIRE(read_new_subscription(R"({"subscriber":"app","topic":"$debug/$error"})", read) == "");
    for (const auto* body :
         {R"({"subscriber":"app"})", R"({"topic":"a"})", R"({"subscriber":"app","topic":"a/b#"})",
          R"({"subscriber":"app","topic":"a/#/b"})", R"({"subscriber":"app","topic":"a+/b"})",
          R"({"subscriber":"a@b","topic":"#"})", R"({"subscriber":"app","topic":"$management/x"})",
          R"({"subscriber":"app","topic":"a","start":"middle"})", R"({"subscriber":"app","topic":"a","namespace":"x"})",
          R"({"subscriber":"app","topic":"#","namespace":"relnotif"})"}) {
        INFO(body);
        new_subscription bad;
        CHECK(read_new_subscription(body, bad) != "");
    }
}

TEST_CASE("bodies: a message has a payload as Base64 or as text", "[admin]") {
    new_message read;
    REQUIRE(read_new_message(R"({"payload":"AAH/","userProperties":[["a","1"],["a","2"]]})", read) == "");
    CHECK(read.payload == std::string("\0\x01\xFF", 3));
    CHECK(read.user_properties == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"a", "2"}});
    new_message text;
    REQUIRE(read_new_message(R"({"payloadText":"line\nline"})", text) == "");
    CHECK(text.payload == "line\nline");
    new_message empty;
    REQUIRE(read_new_message("{}", empty) == "");
    for (const auto* body : {R"({"payload":"AAH"})", R"({"payload":"AAH/","payloadText":"x"})", R"({"payload":7})",
                             R"({"userProperties":{"a":"1"}})", R"({"userProperties":[["a"]]})",
                             R"({"userProperties":[["a","\u0000"]]})"}) {
        INFO(body);
        new_message bad;
        CHECK(read_new_message(body, bad) != "");
    }
}

TEST_CASE("bodies: the names of applications' subscriptions are taken apart as they were made", "[admin]") {
    subscription_owner read;
    REQUIRE(split_subscription_name("app%40x@a%2Fb", read));
    CHECK(read.name == "app@x");
    CHECK(read.topic == "a/b");
    CHECK_FALSE(read.is_volatile);
    REQUIRE(split_subscription_name("app@a;volatile", read));
    CHECK(read.is_volatile);
    CHECK_FALSE(split_subscription_name("mqtt-mapper", read));
    CHECK_FALSE(split_subscription_name("a@b@c", read));
    CHECK_FALSE(split_subscription_name("a@%zz", read));
}
