#include "broker/mqtt/utf8.hpp"

#include "tests/support/packet_bytes.hpp"

#include <catch2/catch.hpp>

using broker::mqtt::is_mqtt_string;
using broker::mqtt::is_utf8;
using packet_bytes::hex;

TEST_CASE("MQTT strings: well-formed UTF-8 passes at every alignment", "[MQTT311-1.5.3-1][MQTT5-1.5.4-1]") {
    const auto* good = GENERATE("", "41", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080",
                                "f48fbfbf", "efbbbf41");
    for (std::size_t pad = 0; pad < 20; ++pad) {
        INFO(good << " after " << pad);
        CHECK(is_mqtt_string(std::string(pad, 'a') + hex(good) + std::string(pad, 'z')));
    }
}

TEST_CASE("MQTT strings: ill-formed, over-long and surrogate sequences are refused",
          "[MQTT311-1.5.3-1][MQTT5-1.5.4-1]") {
    const auto* bad = GENERATE("80", "bf", "c0af", "c1bf", "c2", "c241", "e08080", "e09fbf", "e0a0", "eda080", "edbfbf",
                               "f08fbfbf", "f4908080", "f5808080", "f09080", "ff", "fe", "e28241");
    for (std::size_t pad = 0; pad < 20; ++pad) {
        INFO(bad << " after " << pad);
        CHECK_FALSE(is_mqtt_string(std::string(pad, 'a') + hex(bad)));
        CHECK_FALSE(is_mqtt_string(hex(bad) + std::string(pad, 'a')));
    }
}

TEST_CASE("MQTT strings hold no U+0000, payloads may", "[MQTT311-1.5.3-2][MQTT5-1.5.4-2]") {
    for (std::size_t at = 0; at < 18; ++at) {
        std::string text(18, 'a');
        text[at] = '\0';
        CHECK_FALSE(is_mqtt_string(text));
        CHECK(is_utf8(text));
    }
    CHECK(is_mqtt_string(hex("efbbbf"))); // [MQTT311-1.5.3-3]
    CHECK_FALSE(is_utf8(hex("00000000000000000000ff")));
}
