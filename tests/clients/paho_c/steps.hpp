// What the checks are made of: each step throws `unexpected`, with what was seen, when it did not go as it should.
#pragma once

#include "tests/clients/paho_c/device.hpp"

#include <memory>
#include <string>

namespace paho_c {

void expect(bool holds, const std::string& what);
void expect_code(const answer& got, int wanted, const char* what);

/// A device whose CONNECT was accepted.
std::unique_ptr<device> connected(const settings& given, const std::string& suffix, device_options options = {});
/// The same, subscribed to the topic.
std::unique_ptr<device> subscriber(const settings& given, const std::string& topic, const std::string& suffix = "sub",
                                   int qos = 1, device_options options = {});
void subscribe(const settings& given, device& to, const std::string& topic, int qos = 1);
void publish(device& from, const std::string& topic, const std::string& payload, int qos = 1,
             const message_properties& properties = {});
/// The next message, with that payload.
message expect_message(device& at, const std::string& payload);

} // namespace paho_c
