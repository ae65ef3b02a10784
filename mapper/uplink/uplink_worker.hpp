// One tenant's messages from messaging to the platform (design §10): one durable failover subscription `mqtt-mapper`,
// whose filters are the topics of all mappings; maps each message, hands the parts to `delivery`, answers of devices to
// `response_handler`, and acknowledges a position only when all of it was accepted or became a dead letter.
// Positions taken and not acknowledged survive a lost link without being worked on twice (FORMAT.md §5). One thread.
#pragma once

#include "common/async/turn_call.hpp"
#include "common/core/clock.hpp"
#include "mapper/mapping/mapping_set.hpp"
#include "mapper/transform/uplink_transform.hpp"
#include "mapper/uplink/dead_letters.hpp"
#include "mapper/uplink/delivery.hpp"
#include "mapper/uplink/link_router.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace mapper::uplink {

/// What happens to messages on `response` topics; implemented by the downlink.
class response_handler {
  public:
    virtual ~response_handler() = default;
    /// False: it answers no open operation, and `done` is not kept. True: `done` is called when the platform knows.
    virtual bool on_response(const mapping::mapping& of, const transform::inbound_message& message,
                             std::function<void()> done) = 0;

  protected:
    response_handler() = default;
    response_handler(const response_handler&) = default;
    response_handler& operator=(const response_handler&) = default;
};

struct worker_options {
    std::uint64_t credit_messages = 8192;
    std::uint64_t credit_bytes = 32 * 1024 * 1024;

    worker_options() = default;
};

class uplink_worker final : private stream_handler, private delivery_sink {
  public:
    static constexpr std::string_view subscription = "mqtt-mapper";

    uplink_worker(asio::any_io_executor executor, std::string tenant, link_router& link, platform::rest& via,
                  identity_resolver& who, const core::clock& time, tenant_meters& count, worker_options options,
                  delivery_options sending);
    ~uplink_worker() override;

    void answers_to(response_handler* to) noexcept { responses_ = to; }
    /// The mappings from now on; messages already taken end with those they began with.
    void use(std::shared_ptr<const mapping::mapping_set> mappings);
    /// Subscribes; needs mappings.
    void begin();
    asio::awaitable<void> stop();

    /// Empty when it works, else what is in the way.
    std::string trouble() const;
    std::size_t outstanding() const noexcept { return outstanding_.size(); }
    const delivery& sending() const noexcept { return delivery_; }

  private:
    void on_up(bool resumed) override;
    void on_resume(msg_link::resume_list& into) override;
    void on_subscribed(const msg_link::stream_answer& answer) override;
    void on_filter_done(const msg_link::stream_answer& answer) override;
    void on_stream_ended(const msg_link::stream_answer& answer) override;
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) override;
    void on_batch_done() override;
    void on_accepted(message& of) override;
    void on_refused(const part& what, const platform::platform_error& why, bool unknown_device) override;

    void subscribe();
    void send_filters();
    void remember_filters();
    void map(message& into, const record::fields& from, std::string_view topic);
    void apply(message& into, const mapping::mapping& with, bool& made);
    void bury(message& of, std::string_view mapping, std::string_view reason, std::string_view why,
              std::string_view request, unsigned status);
    void part_done(std::uint64_t position);
    void done(std::uint64_t position);
    void give_credit();
    void flush();

    std::string tenant_;
    link_router& link_;
    tenant_meters& count_;
    worker_options options_;
    delivery delivery_;
    dead_letters dead_letters_;
    response_handler* responses_ = nullptr;
    async::turn_call turn_;

    std::shared_ptr<const mapping::mapping_set> mappings_;
    transform::uplink_transform transform_;
    transform::uplink_result result_;
    std::vector<mapping::mapping_index::match> matches_;

    std::uint32_t stream_;
    bool begun_ = false;
    bool subscribed_ = false;
    bool stopped_ = false;
    bool filters_known_ = false; ///< what an earlier life of the mapper subscribed to was read
    std::string refusal_;
    std::set<std::string> wanted_;
    std::set<std::string> subscribed_filters_;   ///< those the subscription may have
    std::map<std::uint32_t, std::string> asked_; ///< request to filter

    std::uint64_t taken_position_ = 0;
    std::map<std::uint64_t, std::unique_ptr<message>> outstanding_;
    std::vector<std::uint64_t> acknowledged_; ///< since the last flush
    // Totals of the stream's life, for credit: what was done with it, in messages and bytes.
    std::uint64_t done_messages_ = 0;
    std::uint64_t done_bytes_ = 0;
    std::uint64_t granted_messages_ = 0;
    std::uint64_t granted_bytes_ = 0;
};

} // namespace mapper::uplink
