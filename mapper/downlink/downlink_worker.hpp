// One tenant's operations to MQTT commands, and the devices' answers back (design §10): notification → mapping →
// publish → status; answer or time-out → final status. Operations of a device keep their order, devices run in
// parallel. A notification is acknowledged when its command was settled by messaging and the platform told; a command
// may be published twice after a crash in between, and is never lost. One thread; collaborators outlive it.
#pragma once

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "mapper/downlink/device_directory.hpp"
#include "mapper/downlink/notification_source.hpp"
#include "mapper/downlink/open_operations.hpp"
#include "mapper/mapping/mapping_set.hpp"
#include "mapper/transform/downlink_transform.hpp"
#include "mapper/uplink/uplink_worker.hpp"

#include <array>
#include <deque>
#include <memory>
#include <string>

namespace mapper::downlink {

/// The doors to messaging that tests replace.
struct messaging_doors {
    uplink::publish_function publish;
    put_function put;
};

class downlink_worker final : public uplink::response_handler, private operation_sink {
  public:
    downlink_worker(asio::any_io_executor executor, std::string tenant, messaging_doors doors, platform::rest& via,
                    const core::clock& time, tenant_meters& count, source_options source);
    ~downlink_worker() override;

    /// One entry of the keyed state, before `begin`.
    void restore(std::string_view value);
    void use(std::shared_ptr<const mapping::mapping_set> mappings);
    /// Starts to listen, when a mapping wants operations.
    void begin();
    /// Ends operations whose time is over. Call every second or so.
    void tick();
    void device_created(const std::string& id) { source_.add_device(id); }
    asio::awaitable<void> stop();

    bool on_response(const mapping::mapping& of, const transform::inbound_message& message,
                     std::function<void()> done) override;
    std::string trouble() const { return source_.trouble(); }
    std::size_t open() const noexcept { return open_.size(); }

  private:
    struct job {
        std::string json; ///< an operation to publish
        std::string id;
        std::string device;
        std::function<void()> done;
        std::shared_ptr<operation> of; ///< set: tell the platform `body`
        std::string body;
        bool last = false; ///< the operation ends with it
    };
    struct lane {
        std::deque<job> jobs;
        bool running = false;
    };
    struct prepared {
        const mapping::mapping* by = nullptr;
        transform::publish_request message;
        std::string refusal; ///< the mapping applies, but could not be filled
    };

    void on_connected() override;
    void on_operation(std::string action, std::string json, std::function<void()> acknowledge) override;

    void enqueue(job what);
    void enqueue_end(const std::shared_ptr<operation>& of, std::string body, bool last, std::function<void()> done);
    asio::awaitable<void> run(lane& on);
    asio::awaitable<void> publish_operation(job what);
    asio::awaitable<void> tell(job what);
    asio::awaitable<void> list_pending();
    asio::awaitable<void> fail(std::string id, std::string reason);
    asio::awaitable<bool> keep(std::shared_ptr<operation> one);
    asio::awaitable<msg_link::reason> send(transform::publish_request message);
    asio::awaitable<bool> update(std::string id, std::string body);
    asio::awaitable<void> after_publish(std::shared_ptr<operation> one, std::string status, bool awaited);
    prepared prepare(const std::string& json, const transform::device_context& device);
    void listen();

    asio::any_io_executor executor_;
    std::string tenant_;
    messaging_doors doors_;
    platform::rest& via_;
    const core::clock& clock_;
    tenant_meters& count_;
    platform::retry_delays delays_;
    async::task_group tasks_;
    device_directory devices_;
    open_operations open_;
    transform::downlink_transform transform_;
    std::shared_ptr<const mapping::mapping_set> mappings_;
    std::array<lane, 16> lanes_;
    bool begun_ = false;
    core::steady_time next_log_{};
    notification_source source_;
};

} // namespace mapper::downlink
