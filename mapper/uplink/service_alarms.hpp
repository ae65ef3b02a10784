// Alarms of the MQTT service itself (ref A.11, A.12): broker and messaging put them on the tenant's kept topic
// `$debug/$alarm`; here they are raised on the platform, on a source object of their own that is made once. One after
// the other, in order; a durable failover subscription, so that none is lost or raised by two mappers. What the
// platform refuses is logged, counted and let go. One per tenant; one thread; collaborators outlive it.
#pragma once

#include "common/async/task_group.hpp"
#include "common/platform/rest.hpp"
#include "mapper/uplink/identity_resolver.hpp"
#include "mapper/uplink/link_router.hpp"
#include "mapper/uplink/meters.hpp"

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mapper::uplink {

/// The alarm's body without source; empty when the message is not one of ours.
std::optional<std::string> alarm_body(std::string_view payload);

class service_alarms final : private stream_handler {
  public:
    static constexpr std::string_view subscription = "mqtt-mapper-alarms";
    /// External ID, type `c8y_Serial`, of the object that the alarms stand on.
    static constexpr std::string_view source = "mqtt-service";
    static constexpr std::uint64_t credit_messages = 64;

    service_alarms(asio::any_io_executor executor, std::string tenant, link_router& link, platform::rest& via,
                   identity_resolver& who, tenant_meters& count, platform::retry_delays delays);
    ~service_alarms() override;
    service_alarms(const service_alarms&) = delete;
    service_alarms& operator=(const service_alarms&) = delete;

    void begin();
    asio::awaitable<void> stop();
    std::size_t waiting() const noexcept { return queue_.size(); }

  private:
    struct alarm {
        std::uint64_t position = 0;
        std::uint32_t stream = 0; ///< it counts for this stream's credit
        std::uint64_t bytes = 0;  ///< of the record
        std::string body;
        bool tried = false; ///< refused once with a source that may be outdated
    };

    void on_up(bool resumed) override;
    void on_resume(msg_link::resume_list& into) override;
    void on_subscribed(const msg_link::stream_answer& answer) override;
    void on_filter_done(const msg_link::stream_answer& answer) override;
    void on_stream_ended(const msg_link::stream_answer& answer) override;
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) override;
    void on_batch_done() override {}

    void subscribe();
    void send_filter();
    void give_credit();
    void next();
    void on_source(const resolution& what);
    asio::awaitable<void> raise(std::string source_id);
    void decide(const platform::reply& got);
    void done(std::uint64_t position, std::uint32_t stream, std::uint64_t bytes);

    std::string tenant_;
    link_router& link_;
    platform::rest& via_;
    identity_resolver& who_;
    tenant_meters& count_;
    platform::retry_delays delays_;
    async::task_group tasks_;
    std::deque<alarm> queue_; ///< at most the credit; the front one is being raised
    std::uint32_t stream_;
    bool begun_ = false;
    bool subscribed_ = false;
    bool busy_ = false;
    std::uint64_t taken_position_ = 0;
    std::uint64_t done_messages_ = 0;
    std::uint64_t done_bytes_ = 0;
};

} // namespace mapper::uplink
