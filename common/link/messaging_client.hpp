// Our C++ client library for applications: publish and learn that it is stored, subscribe and acknowledge, over one
// link that reconnects by itself. What link_client leaves to its users (streams, credit, what to say when resuming) is
// done here. README.md beside this file is its manual.
//
// All calls and all completions on the thread of the executor. The client outlives every awaitable that it gave;
// `stop` must have been awaited before it is destroyed.
#pragma once

#include "common/async/event.hpp"
#include "common/async/turn_call.hpp"
#include "common/link/link_client.hpp"
#include "common/link/subscriber.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msg_link {

/// What an application publishes. Texts are UTF-8 of at most 65,534 bytes, as MQTT has them.
struct outgoing_message {
    std::string payload;
    std::string key;       ///< messages of one key keep their order for key-shared readers; may be empty
    std::string client_id; ///< for the topic to-device: whom it is for; empty: all
    std::string topic;     ///< MQTT topic where it is not the topic published to; for to-device
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> user_properties;

    outgoing_message() = default;
    explicit outgoing_message(std::string text) : payload(std::move(text)) {}
};

class messaging_client final : private link_handler {
  public:
    /// `tenant`: whose topics; the token of `options` must allow it.
    messaging_client(asio::any_io_executor executor, link_options options, std::string tenant);
    ~messaging_client() override;

    /// Begins to connect; publishing and subscribing are allowed at once.
    void start();
    /// Waits at most `patience` for what is on its way, then closes. Publishes that were not settled resolve with
    /// `shutting_down` (they may be stored all the same), subscribers end. Once; a second call returns at once.
    asio::awaitable<void> stop(std::chrono::milliseconds patience = std::chrono::milliseconds(2'000));

    bool connected() const noexcept { return link_.up(); }
    /// Why the last attempt to connect failed; empty while connected.
    const std::string& last_error() const noexcept { return link_.last_error(); }

    /// Resolves once messaging has settled the message: `ok` means durable, `no_subscribers` that nobody reads the
    /// topic and nothing was stored, anything else that it was refused (`text` says why). While the link is down it
    /// waits; after a reconnect it is sent again, and stored once. Waits while too much is unsettled, so that a fast
    /// publisher is slowed and not buffered without end. Any number may be on their way; they are stored in the order
    /// of the calls. What a cancelled caller had sent is not taken back.
    asio::awaitable<reason> publish(std::string topic, outgoing_message message);

    /// A consumer of a topic or filter. It lives until it ended and nobody holds it.
    std::shared_ptr<subscriber> subscribe(subscribe_options options);

  private:
    friend class subscriber;
    struct waiting_publish {
        explicit waiting_publish(asio::any_io_executor executor) : there(std::move(executor)) {}
        async::event there;
        reason outcome = reason::shutting_down;
        bool settled = false;
    };
    /// Where a publish waits for its turn to send; left in every way out, cancellation included.
    class place_in_queue {
      public:
        place_in_queue(messaging_client& of, std::shared_ptr<waiting_publish> who) : of_(of), who_(std::move(who)) {
            of_.waiting_for_room_.push_back(who_);
        }
        ~place_in_queue() {
            std::erase(of_.waiting_for_room_, who_);
            of_.wake_front();
        }
        place_in_queue(const place_in_queue&) = delete;
        place_in_queue& operator=(const place_in_queue&) = delete;

      private:
        messaging_client& of_;
        std::shared_ptr<waiting_publish> who_;
    };

    void on_up(bool resumed) override;
    void on_down() override;
    void on_resume(resume_list& into) override;
    void on_settled(std::uint64_t up_to, const std::vector<run>& runs) override;
    void on_claimed(const claimed&) override {}
    void on_evicted(std::uint64_t, reason) override {}
    void on_subscribed(const stream_answer& answer) override;
    void on_filter_done(const stream_answer& answer) override;
    void on_stream_ended(const stream_answer& answer) override;
    void on_deliver(const deliver& frame, const topic_name& from) override;
    void on_state(const state&) override {}
    void on_batch_done() override {}

    std::shared_ptr<subscriber> find(std::uint32_t stream);
    std::uint32_t next_stream() noexcept { return next_stream_++; }
    std::uint32_t next_request() noexcept { return next_request_++; }
    void renumber(std::uint32_t from, std::uint32_t to);
    void forget(std::uint32_t stream) { subscribers_.erase(stream); }
    void flush_later() { turn_.kick(); }
    void flush();
    void wake_front();
    std::uint64_t send(const std::string& topic, const outgoing_message& message, const std::string& properties);

    asio::any_io_executor executor_;
    std::string tenant_;
    bool stopped_ = false;
    std::uint32_t next_stream_ = 1;
    std::uint32_t next_request_ = 1;
    std::uint64_t published_ = 0;
    std::map<std::uint64_t, std::shared_ptr<waiting_publish>> unsettled_; ///< by sequence
    std::deque<std::shared_ptr<waiting_publish>> waiting_for_room_;
    std::map<std::uint32_t, std::shared_ptr<subscriber>> subscribers_; ///< by stream
    async::turn_call turn_;
    link_client link_; ///< last: its callbacks use the rest
};

} // namespace msg_link
