// Keeps the library awake. Its one receiving thread looks at a new connection only when an old one has something to
// read, or after a second; a run of checks makes some forty connections. So one more client publishes all the time.
#pragma once

#include "tests/clients/paho_c/device.hpp"

#include <thread>

namespace paho_c {

class pulse {
  public:
    explicit pulse(const settings& given) : client_(given, "pulse", staying()), topic_(given.topic("pulse")) {
        (void)client_.connect();
        beat_ = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                try {
                    client_.send({topic_, "x"});
                } catch (const unexpected&) { // not connected just now
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        });
    }

  private:
    static device_options staying() {
        device_options options;
        options.reconnects = true;
        return options;
    }

    device client_;
    std::string topic_;
    std::jthread beat_; ///< last, so that it ends first
};

} // namespace paho_c
