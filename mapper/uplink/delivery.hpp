// What mappings made, to the platform: in order per device, devices in parallel, measurements gathered into
// collections, repeated until the platform decides. A refused collection is halved until the bad reading stands alone,
// so that one does not take 199 good ones down. One per tenant; one thread; collaborators outlive it.
//
// A device is a lane: a queue with at most one request on its way. Ready lanes stand in a line; a request takes from
// the front of the line whatever fits. When requests are on their way already, a collection that is not full waits for
// company, at most `linger`; there is one timer per tenant, none per message.
#pragma once

#include "common/async/task_group.hpp"
#include "common/platform/rest.hpp"
#include "mapper/mapping/mapping.hpp"
#include "mapper/uplink/identity_resolver.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace mapper::uplink {

/// A message of which parts are on their way; owned by the worker.
struct message {
    std::uint64_t position = 0;
    std::uint32_t stream = 0; ///< it counts for this stream's credit
    std::uint32_t open = 0;   ///< parts not settled yet
    std::string record;       ///< for the dead letter
    std::string topic;
    std::shared_ptr<const void> mappings; ///< keeps the mappings its parts refer to
};

/// One thing to tell the platform.
struct part {
    transform::output_kind kind = transform::output_kind::measurement;
    bool resolved_again = false;
    std::string body;
    std::string alarm_type;
    message* of = nullptr;
    const mapping::mapping* by = nullptr;
};

class delivery_sink {
  public:
    virtual ~delivery_sink() = default;
    /// The platform accepted a part.
    virtual void on_accepted(message& of) = 0;
    /// It will never accept it; the part is settled when the dead letter is. `unknown_device`: the mapping may not
    /// create.
    virtual void on_refused(const part& what, const platform::platform_error& why, bool unknown_device) = 0;

  protected:
    delivery_sink() = default;
    delivery_sink(const delivery_sink&) = default;
    delivery_sink& operator=(const delivery_sink&) = default;
};

struct delivery_options {
    std::size_t collection_count_max = 200;
    std::size_t collection_bytes_max = 512 * 1024;
    std::chrono::milliseconds linger{20};
    std::size_t requests_max = 8;
    std::size_t eager_requests = 2;                   ///< so many go without waiting for company
    std::chrono::milliseconds cleared_for{60'000};    ///< how long an alarm known to be cleared is not cleared again
    std::chrono::milliseconds trust_identity{60'000}; ///< an older ID is looked up again before a refusal is believed
    platform::retry_delays delays;

    delivery_options() = default;
};

class delivery final : private platform::retry_observer {
  public:
    delivery(asio::any_io_executor executor, platform::rest& via, identity_resolver& who, const core::clock& time,
             tenant_meters& count, delivery_sink& sink, delivery_options options);
    ~delivery() override;
    delivery(const delivery&) = delete;
    delivery& operator=(const delivery&) = delete;

    /// Takes a part; nothing is sent before `pump`.
    void add(const transform::device_reference& device, part what);
    /// Sends what may go now. Call once after a batch of messages.
    void pump();

    /// Why requests are being repeated; empty while the platform accepts.
    const std::string& trouble() const noexcept { return trouble_; }
    std::chrono::milliseconds trouble_lasts() const;
    std::size_t lanes() const noexcept { return lanes_.size(); }
    std::size_t requests() const noexcept { return requests_; }
    asio::awaitable<void> stop();

  private:
    struct lane {
        std::string key;
        std::string id; ///< empty: being resolved
        transform::device_reference device;
        std::deque<part> waiting;
        bool listed = false; ///< in ready_
        bool busy = false;
    };
    struct taken {
        lane* from;
        part what;
    };
    struct batch {
        std::vector<taken> parts;
        std::vector<lane*> lanes;
        std::vector<taken> again; ///< refused with an ID that may be outdated
    };

    void resolve(lane& one);
    void on_resolved(const std::string& key, const resolution& what);
    void make_ready(lane& one);
    void take_ready(lane& one);
    void settle_or_drop(lane& one);
    bool skip_cleared(lane& one);
    std::unique_ptr<batch> gather();
    bool worth_waiting() const;
    void wait_for_company();
    asio::awaitable<void> run(std::shared_ptr<batch> work);
    asio::awaitable<void> send_collection(std::shared_ptr<batch> work);
    asio::awaitable<void> send_single(std::shared_ptr<batch> work);
    asio::awaitable<platform::reply> clear_alarms(std::string id, std::string type);
    void decide(batch& work, taken& one, const platform::reply& got);
    void finish(batch& work);
    void on_retry(const platform::platform_error& why) override;
    void on_decided() override;

    asio::any_io_executor executor_;
    platform::rest& via_;
    identity_resolver& who_;
    const core::clock& clock_;
    tenant_meters& count_;
    delivery_sink& sink_;
    delivery_options options_;
    async::task_group tasks_;
    asio::steady_timer linger_;
    bool lingering_ = false;
    bool lingered_ = false;
    bool stopped_ = false;
    std::string trouble_;
    core::steady_time trouble_since_{};
    std::unordered_map<std::string, std::unique_ptr<lane>> lanes_;
    std::deque<lane*> ready_;
    std::size_t ready_parts_ = 0;
    std::size_t requests_ = 0;
    std::unordered_map<std::string, core::steady_time> cleared_;
};

} // namespace mapper::uplink
