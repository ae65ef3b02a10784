// Where operations come from: makes sure that the platform forwards them (ref C.2), fetches tokens (ref C.3), keeps the
// consumer's WebSocket, and hands each operation up. Context `tenant` where the platform offers it, else one
// subscription per device that the mappings address. One per tenant; one thread.
#pragma once

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/notification2/consumer.hpp"
#include "common/platform/rest.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace mapper::downlink {

namespace asio = boost::asio;

class operation_sink {
  public:
    virtual ~operation_sink() = default;
    /// Connected (again): what was created before the subscriber existed must be asked for.
    virtual void on_connected() = 0;
    /// `acknowledge` is called once, when the operation is taken care of.
    virtual void on_operation(std::string action, std::string json, std::function<void()> acknowledge) = 0;

  protected:
    operation_sink() = default;
    operation_sink(const operation_sink&) = default;
    operation_sink& operator=(const operation_sink&) = default;
};

struct source_options {
    std::string url; ///< of the platform, http or https
    std::string ca_file;
    std::string tenant; ///< for the log
    std::string subscription = "mqttmapper";
    std::string subscriber = "mqttmapper";
    unsigned token_minutes = 1440;
    platform::retry_delays delays;

    source_options() = default;
};

class notification_source final : private notification2::consumer_handler {
  public:
    notification_source(asio::any_io_executor executor, platform::rest& via, operation_sink& to,
                        source_options options);
    ~notification_source() override;

    /// `device_types`: those that mappings address, should the platform want a subscription per device; an empty type
    /// is every device. May be called again; empty: nothing is wanted, and nothing is started.
    void want(std::vector<std::string> device_types);
    /// A device that came into being later.
    void add_device(const std::string& id);
    asio::awaitable<void> stop();
    /// Empty when it works or is not wanted.
    std::string trouble() const;
    bool per_device() const noexcept { return per_device_; }

  private:
    asio::awaitable<std::string> token() override;
    void on_connected() override { to_.on_connected(); }
    void on_notification(const notification2::notification& what, std::uint64_t connection) override;
    asio::awaitable<void> run();
    asio::awaitable<void> subscribe_types();
    asio::awaitable<void> subscribe_type(std::string type);
    asio::awaitable<void> subscribe_device(std::string id);

    platform::rest& via_;
    operation_sink& to_;
    source_options options_;
    async::task_group tasks_;
    async::event changed_;
    notification2::consumer consumer_;
    std::set<std::string> types_;
    std::vector<std::string> new_types_;
    std::vector<std::string> new_devices_;
    bool started_ = false;
    bool subscribed_ = false;
    bool per_device_ = false;
    std::string problem_;
};

} // namespace mapper::downlink
