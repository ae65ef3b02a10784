#include "tests/clients/paho_c/steps.hpp"

namespace paho_c {
namespace {

std::string brief(const std::string& payload) {
    return std::to_string(payload.size()) + " bytes \"" + payload.substr(0, 40) + '"';
}

} // namespace

void expect(bool holds, const std::string& what) {
    if (!holds) throw unexpected(what);
}

void expect_code(const answer& got, int wanted, const char* what) {
    expect(got.code == wanted, std::string(what) + ": " + std::to_string(got.code) + " " + got.text + " instead of " +
                                   std::to_string(wanted));
}

std::unique_ptr<device> connected(const settings& given, const std::string& suffix, device_options options) {
    auto made = std::make_unique<device>(given, suffix, std::move(options));
    expect_code(made->connect(), 0, "CONNACK");
    made->await_connected();
    return made;
}

std::unique_ptr<device> subscriber(const settings& given, const std::string& topic, const std::string& suffix, int qos,
                                   device_options options) {
    auto made = connected(given, suffix, std::move(options));
    subscribe(given, *made, topic, qos);
    return made;
}

/// 5.0 tells the granted QoS in the reason code; for 3.1.1 the library tells success alone.
void subscribe(const settings& given, device& to, const std::string& topic, int qos) {
    expect_code(to.subscribe(topic, qos), given.five() ? qos : 0, "SUBACK");
}

void publish(device& from, const std::string& topic, const std::string& payload, int qos,
             const message_properties& properties) {
    expect_code(from.publish({topic, payload, qos, false, false, properties}), 0, "PUBACK");
}

message expect_message(device& at, const std::string& payload) {
    message got = at.next_message();
    expect(got.payload == payload, brief(got.payload) + " instead of " + brief(payload));
    return got;
}

} // namespace paho_c
