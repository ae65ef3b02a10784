// Managed object ID to what outbound mappings know of a device: name, type and external IDs, asked of the platform and
// remembered for a while. One per tenant; one thread.
#pragma once

#include "common/core/clock.hpp"
#include "common/platform/rest.hpp"
#include "mapper/transform/outcome.hpp"

#include <string>
#include <unordered_map>

namespace mapper::downlink {

namespace asio = boost::asio;

struct device_answer {
    bool found = false;
    transform::device_context device;
    platform::platform_error problem; ///< when not found
};

class device_directory {
  public:
    device_directory(platform::rest& via, const core::clock& time, platform::retry_delays delays)
        : via_(via), clock_(time), delays_(delays) {}

    asio::awaitable<device_answer> ask(std::string id);

  private:
    struct entry {
        transform::device_context device;
        core::steady_time learned;
    };
    static constexpr std::size_t entries_max = 20'000;
    static constexpr std::chrono::seconds trusted_for{60};

    platform::rest& via_;
    const core::clock& clock_;
    platform::retry_delays delays_;
    std::unordered_map<std::string, entry> entries_;
};

} // namespace mapper::downlink
