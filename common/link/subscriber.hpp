// One consumer of a messaging_client: takes what was delivered, acknowledges, and survives reconnects. Held by the
// application and, while it is connected, by its client. Same thread as the client.
#pragma once

#include "common/async/event.hpp"
#include "common/link/link_client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msg_link {

class messaging_client;

struct subscribe_options {
    /// An MQTT topic, a filter with wildcards, or `from-device` for everything that devices publish.
    std::string topic;
    /// Names the durable backlog within the topic, as in the WebSocket API: both reach the same. Of a filter with
    /// wildcards it is unique in the tenant. Empty: nothing is kept beyond this subscriber's life (and the lease).
    std::string name;
    subscription_type type = subscription_type::exclusive;
    start_at start = start_at::newest;   ///< of a subscription that is new
    std::uint32_t window_messages = 256; ///< delivered and not acknowledged, at most; 1 to 10,000
    std::uint64_t window_bytes = 4 * 1024 * 1024;

    subscribe_options() = default;
    subscribe_options(std::string of, std::string called) : topic(std::move(of)), name(std::move(called)) {}
};

/// One message as it came. Owns its bytes; views of `fields()` live as long.
class incoming_message {
  public:
    incoming_message() = default;

    const std::string& topic() const noexcept { return topic_; } ///< MQTT topic
    const record::fields& fields() const noexcept { return fields_; }
    std::string_view payload() const noexcept { return fields_.payload; }
    std::string_view client_id() const noexcept { return fields_.client_id; }
    std::uint64_t position() const noexcept { return position_; }
    /// 1 the first time; more when it may have been seen before.
    std::uint8_t delivery_count() const noexcept { return delivery_count_; }

  private:
    friend class subscriber;
    std::shared_ptr<const std::string> bytes_;
    record::fields fields_;
    std::string topic_;
    std::uint64_t position_ = 0;
    std::uint32_t stream_ = 0;
    std::uint8_t delivery_count_ = 1;
};

class subscriber : public std::enable_shared_from_this<subscriber> {
  public:
    /// By messaging_client::subscribe.
    subscriber(messaging_client& by, asio::any_io_executor executor, subscribe_options options, std::uint32_t stream);
    subscriber(const subscriber&) = delete;
    subscriber& operator=(const subscriber&) = delete;

    /// Resolves when the subscription is durable: from then on nothing is missed. Otherwise why not: `busy` when an
    /// exclusive one has its consumer, `not_allowed`, `rate_limited`, … After anything but `ok` it has ended. One at a
    /// time; waits as long as the link is down.
    asio::awaitable<reason> ready();
    /// The next message; nothing once it has ended (`why_ended`) and what had come was taken. One at a time.
    asio::awaitable<std::optional<incoming_message>> next();
    /// Takes it off the backlog. Messages of a connection that messaging no longer knows are ignored: they come again.
    void acknowledge(const incoming_message& one);
    /// It comes again, to this or another consumer, with a higher delivery count.
    void reject(const incoming_message& one, std::chrono::milliseconds delay = std::chrono::milliseconds(0));
    /// Ends it; with `remove` the subscription and its backlog, too. What was not acknowledged comes again elsewhere.
    void close(bool remove = false);

    bool ended() const noexcept { return ended_; }
    reason why_ended() const noexcept { return why_; }

  private:
    friend class messaging_client;
    static constexpr std::uint32_t window_max = 10'000;

    void ask();
    void on_up();
    void on_resume(resume_list& into);
    void on_subscribed(const stream_answer& answer);
    void on_filter_done(const stream_answer& answer);
    void on_stream_ended(const stream_answer& answer);
    void on_deliver(const deliver& frame, const topic_name& from);
    void leave(bool remove, reason why);
    void end(reason why);
    void give_credit();
    void flush();
    bool take_back(const incoming_message& one);
    void tell_rejected(std::uint64_t position, std::uint32_t delay_ms);

    messaging_client* by_; ///< null once ended
    subscribe_options options_;
    std::string subscription_name_;
    std::string filter_;
    std::uint32_t stream_;
    bool subscribed_ = false;
    bool filtered_ = false;
    bool ended_ = false;
    reason why_ = reason::ok;
    async::event answered_;
    async::event arrived_;
    std::deque<incoming_message> waiting_;               ///< delivered, not handed out; part of the window
    std::map<std::uint64_t, std::uint64_t> outstanding_; ///< position → bytes; delivered and not acknowledged
    std::vector<std::uint64_t> acknowledged_;            ///< positions, to be told
    /// Given back and not delivered again yet: told again after a reconnect, because what a resume does not list as
    /// outstanding counts as acknowledged.
    std::map<std::uint64_t, std::uint32_t> rejected_; ///< position → delay in milliseconds
    std::uint64_t taken_position_ = 0;
    std::uint64_t taken_messages_ = 0; ///< totals of the stream's life, FORMAT.md §5
    std::uint64_t taken_bytes_ = 0;
    std::uint64_t done_messages_ = 0; ///< of those: acknowledged or given back
    std::uint64_t done_bytes_ = 0;
    std::uint64_t granted_messages_ = 0;
    std::uint64_t granted_bytes_ = 0;
};

} // namespace msg_link
