// The server's half of one link session, sans I/O: frames in, frames out (link/FORMAT.md). It outlives its connections:
// between two of them it is leased. Owned by the session registry; the endpoint moves bytes between it and a WebSocket.
#pragma once

#include "common/core/clock.hpp"
#include "common/link/batcher.hpp"
#include "common/link/frame.hpp"
#include "messaging/topic/hub.hpp"
#include "messaging/topic/told_topics.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace messaging::topic {

/// What the token on the upgrade allows.
struct link_permissions {
    bool may_claim = false; ///< brokers only
    bool any_tenant = false;
    std::vector<std::string> tenants;

    bool allows(std::string_view tenant) const noexcept;
    /// Whoever has these may do all that `other` may.
    bool covers(const link_permissions& other) const noexcept;
};

class link_session final : public publish_source, public delivery_sink, public claim_holder {
  public:
    link_session(hub& owner, std::uint64_t session);
    ~link_session() override;

    std::uint64_t number() const noexcept { return session_; }
    bool connected() const noexcept { return static_cast<bool>(kick_); }
    /// How many connections it had; tells a replaced connection that it is no longer the one.
    std::uint64_t connection_count() const noexcept { return connection_count_; }

    /// Whether a connection with these permissions may take the session over: a session's number opens nothing that
    /// the token does not.
    bool may_connect(const link_permissions& who) const;
    /// A connection took over: `kick` is called whenever `output` has something to send. The hello comes first.
    void connect(link_permissions who, std::function<void()> kick);
    void disconnect(core::steady_time now);
    /// Moment at which the lease ends; only meaningful while not connected.
    core::steady_time disconnected_at() const noexcept { return disconnected_at_; }
    /// Gives up streams of failover subscriptions that another consumer waits for; the client learns of it when it
    /// resumes.
    void yield_failover();
    /// The process went away in good order: nothing to wait for.
    bool finished() const noexcept { return streams_.empty() && !holds_claims(); }

    void on_hello(const msg_link::hello& frame);
    /// Frames after the hello, in order. Empty when all is well, else what was wrong (close with 1002).
    std::string on_frame(const msg_link::raw_frame& frame);
    msg_link::batcher& output() noexcept { return output_; }

    // publish_source
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override;
    std::uint64_t session_number() const noexcept override { return session_; }
    // delivery_sink
    bool ready() const noexcept override;
    void deliver(const std::vector<std::uint32_t>& streams, const topic& from, std::uint64_t position,
                 std::uint8_t delivery_count, core::byte_span record) override;
    void ended(std::uint32_t stream, msg_link::reason why, std::string_view message) override;
    // claim_holder
    void on_claimed(std::uint64_t sequence, std::uint64_t claim, msg_link::reason why) override;
    void on_evicted(std::uint64_t claim, msg_link::reason why) override;

  private:
    struct wanted_topic {
        std::string tenant;
        std::string name_space;
        std::string name;
    };
    struct open_number {
        topic* to = nullptr;
        msg_link::reason why = msg_link::reason::ok;
        std::unique_ptr<wanted_topic> wanted; ///< over the limit: tried again with each publish
    };
    struct stream_state {
        consumer* with = nullptr;
        msg_link::start_at start = msg_link::start_at::newest;
    };

    static constexpr const char* malformed = "a frame is not of its type's shape";

    bool holds_claims() const;
    std::string on_publish(core::byte_span body);
    std::string on_claim(core::byte_span body);
    std::string on_release(core::byte_span body);
    std::string on_topic(core::byte_span body);
    topic* topic_for(open_number& number);
    std::string on_topic_close(core::byte_span body);
    std::string on_subscribe(core::byte_span body);
    std::string on_filter_add(core::byte_span body);
    std::string on_filter_remove(core::byte_span body);
    std::string on_acknowledge(core::byte_span body, bool negative);
    std::string on_credit(core::byte_span body);
    std::string on_window(core::byte_span body);
    std::string on_stream_close(core::byte_span body);
    std::string on_seek(core::byte_span body);
    std::string on_state_put(core::byte_span body);
    std::string on_state_get(core::byte_span body);
    std::string on_resume_stream(core::byte_span body);
    std::string on_hello_end();
    void answer_subscribed(std::uint32_t stream, msg_link::reason why);
    void answer_filter(std::uint32_t stream, std::uint32_t request, msg_link::reason why);
    void close_topics();
    void forget_topics();
    void welcome();
    void kick() {
        if (kick_) kick_();
    }

    hub& hub_;
    std::uint64_t session_;
    link_permissions who_;
    std::function<void()> kick_;
    core::steady_time disconnected_at_{};
    msg_link::batcher output_;
    msg_link::hello greeting_;
    std::uint64_t connection_count_ = 0;
    bool greeted_ = false;  ///< hello seen on this connection
    bool welcomed_ = false; ///< hello_end seen
    bool known_before_ = false;
    std::vector<std::uint32_t> resumed_streams_;
    std::vector<std::uint64_t> resumed_claims_;
    std::unordered_map<std::uint32_t, open_number> topics_; ///< the client's numbers
    std::unordered_map<std::uint32_t, stream_state> streams_;
    told_topics told_;             ///< our numbers, per connection
    std::uint64_t skip_until_ = 0; ///< frames up to here came on an earlier connection and are on their way to the log
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); ///< callbacks of the hub ask whether we still are
    std::uint64_t sent_records_ = 0;                        ///< against the link window, per connection
    std::uint64_t sent_bytes_ = 0;
    std::uint64_t returned_records_ = 0;
    std::uint64_t returned_bytes_ = 0;
};

} // namespace messaging::topic
