// The client of a link: connects, resumes, sends what was not settled again, and is our C++ client library. It keeps
// one WebSocket to messaging open, batches frames, and tells a handler what comes. All calls and callbacks on the
// thread of the executor. Handler and executor outlive the client; `stop` must have been awaited before it is
// destroyed.
#pragma once

#include "common/async/backoff.hpp"
#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/link/batcher.hpp"
#include "common/link/frame.hpp"
#include "common/link/outbound.hpp"
#include "common/link/topic_table.hpp"
#include "common/net/websocket.hpp"
#include "common/record/record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace msg_link {

namespace asio = boost::asio;

/// What a client tells the server when it resumes (FORMAT.md §5).
class resume_list {
  public:
    explicit resume_list(std::string& out) noexcept : out_(out) {}
    /// `outstanding`: taken and not acknowledged, ascending; at most 65,535. The totals count everything taken on the
    /// stream in its life, as its credit totals do.
    void stream(std::uint32_t number, std::uint64_t taken, std::span<const std::uint64_t> outstanding,
                std::uint64_t taken_messages, std::uint64_t taken_bytes) {
        encode_resume_stream(out_, number, taken, outstanding, taken_messages, taken_bytes);
    }
    void claim(std::uint64_t number) { encode_resume_claim(out_, number); }

  private:
    std::string& out_;
};

class link_handler {
  public:
    virtual ~link_handler() = default;
    /// The link works (again): send requests that were never answered and credit for every stream.
    virtual void on_up(bool resumed) = 0;
    virtual void on_down() = 0;
    virtual void on_resume(resume_list& into) = 0;
    virtual void on_settled(std::uint64_t up_to, const std::vector<run>& runs) = 0;
    virtual void on_claimed(const claimed& answer) = 0;
    virtual void on_evicted(std::uint64_t claim, reason why) = 0;
    virtual void on_subscribed(const stream_answer& answer) = 0;
    virtual void on_filter_done(const stream_answer& answer) = 0;
    virtual void on_stream_ended(const stream_answer& answer) = 0;
    virtual void on_deliver(const deliver& frame, const topic_name& from) = 0;
    virtual void on_state(const state& answer) = 0;
    /// All frames of one batch were handed in: flush what they caused.
    virtual void on_batch_done() = 0;

  protected:
    link_handler() = default;
    link_handler(const link_handler&) = default;
    link_handler& operator=(const link_handler&) = default;
};

struct link_options {
    std::string url = "ws://127.0.0.1:8082"; ///< `/link` is added when it has no path
    std::string token;
    /// Asked before each attempt when set, instead of `token`: the secret may be made by messaging after we started.
    /// Empty with a sentence in its argument when there is none yet.
    std::function<std::string(std::string& why_not)> token_source;
    std::string ca_file;
    /// What opens the connection; empty: `net::websocket_connect`. Another transport, or a simulated network.
    std::function<asio::awaitable<core::result<std::unique_ptr<net::websocket>>>(net::websocket_target target,
                                                                                 net::upgrade_refusal* refusal)>
        connect;
    std::string name = "link";                      ///< for the log
    std::chrono::milliseconds idle_timeout{10'000}; ///< pings every 5 s, dead after 10 s
    std::chrono::milliseconds reconnect_first{50};
    std::chrono::milliseconds reconnect_max{1'000};

    link_options() = default;
};

struct link_counters {
    std::uint64_t connects = 0;
    std::uint64_t batches_in = 0;
    std::uint64_t batches_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

class link_client {
  public:
    link_client(asio::any_io_executor executor, link_options options, link_handler& handler);
    ~link_client();
    link_client(const link_client&) = delete;
    link_client& operator=(const link_client&) = delete;

    void start();
    /// Sends what is queued if the link is up (at most `patience`), then closes.
    asio::awaitable<void> stop(std::chrono::milliseconds patience);
    bool up() const noexcept { return up_; }
    /// Why the last attempt failed; empty while up.
    const std::string& last_error() const noexcept { return last_error_; }
    const welcome& terms() const noexcept { return terms_; }
    const link_counters& counters() const noexcept { return counters_; }
    std::uint64_t incarnation() const noexcept { return terms_.incarnation; }

    /// False while so much is unsettled that the caller should stop taking messages in; `on_settled` tells of progress.
    bool may_send() const noexcept {
        return out_.frames() < terms_.unsettled_frames_max && out_.bytes() < terms_.unsettled_bytes_max;
    }
    std::uint64_t unsettled_frames() const noexcept { return out_.frames(); }
    std::size_t unsettled_bytes() const noexcept { return out_.bytes(); }

    /// The number to publish with; opened when it is new. Numbers unused for an hour are closed by `close_idle_topics`.
    std::uint32_t topic_number(std::string_view tenant, std::string_view name_space, std::string_view name);
    /// Changes `topic_generation`: numbers that callers remember must be asked for again.
    void close_idle_topics(std::chrono::milliseconds idle);
    std::uint32_t topic_generation() const noexcept { return topics_.generation(); }
    bool has_topic(std::string_view tenant, std::string_view name_space, std::string_view name) const {
        return topics_.contains(tenant, name_space, name);
    }
    /// Null when the number is not open any more.
    const topic_name* name_of(std::uint32_t topic) const { return topics_.name_of(topic); }
    std::size_t open_topics() const noexcept { return topics_.size(); }

    // Sequenced frames: each returns its sequence; also while the link is down, they go when it is back.
    std::uint64_t send_publish(std::uint32_t topic, std::uint64_t claim, const record::fields& message);
    std::uint64_t send_publish(std::uint32_t topic, std::uint64_t claim, core::byte_span record);
    std::uint64_t send_claim(const claim& request);
    std::uint64_t send_release(std::uint64_t claim, bool publish_will);

    // Control frames: dropped while the link is down, because resuming says the same anew.
    /// A server of version 1 knows no key-shared subscriptions: it is not asked then, and `on_subscribed` says so.
    void send_subscribe(const subscribe& frame);
    void send_filter_add(const filter& frame);
    void send_filter_remove(const filter& frame);
    void send_credit(std::uint32_t stream, std::uint64_t messages, std::uint64_t bytes);
    /// `ranges`: from, to, from, to …
    void send_acknowledge(std::uint32_t stream, std::span<const std::uint64_t> ranges);
    void send_negative_acknowledge(std::uint32_t stream, std::uint32_t delay_ms, std::span<const std::uint64_t> ranges);
    void send_stream_close(std::uint32_t stream, bool remove);
    /// Puts the stream's subscription to another place; the stream ends with `moved`: subscribe again, under another
    /// number. False when the server is of version 1 and cannot.
    bool send_seek(const seek& frame);
    void send_state_put(const state_request& frame);
    void send_state_get(const state_request& frame);

  private:
    asio::awaitable<void> run();
    asio::awaitable<core::error_code> open_session();
    asio::awaitable<void> write_loop(std::shared_ptr<net::websocket> over);
    asio::awaitable<std::string> read_loop();
    std::string on_batch(core::byte_span batch);
    std::string on_frame(const raw_frame& frame);
    void on_welcome(const welcome& frame);
    void close_settled_topics(std::uint64_t settled);
    void return_window(const deliver& frame);
    void go_down();
    std::string& control();
    void wake() { wake_.notify(); }

    asio::any_io_executor executor_;
    link_options options_;
    link_handler& handler_;
    async::task_group tasks_;
    async::event wake_;
    async::event drained_;
    async::backoff backoff_;
    std::shared_ptr<net::websocket> socket_;
    std::uint64_t session_;
    std::uint64_t producer_;
    std::uint16_t speaks_ = version; ///< one less after a server did not know ours
    bool up_ = false;
    bool stopping_ = false;
    std::string last_error_;
    welcome terms_;
    link_counters counters_;
    outbound out_;
    std::string control_;
    std::string batch_out_;
    std::string batch_in_;
    topic_table topics_;
    std::unordered_map<std::uint32_t, topic_name> server_topics_;
    std::uint64_t taken_records_ = 0;
    std::uint64_t taken_bytes_ = 0;
    std::uint64_t returned_records_ = 0;
    std::uint64_t returned_bytes_ = 0;
};

} // namespace msg_link
