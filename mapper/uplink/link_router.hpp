// The mapper's one link to messaging, shared by all tenants: hands what comes to the stream it is for, and turns
// publishes and keyed state into calls with an answer. One thread; streams outlive it or are removed.
#pragma once

#include "common/link/link_client.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace mapper::uplink {

namespace asio = boost::asio;

/// One tenant's end of the link.
class stream_handler {
  public:
    virtual ~stream_handler() = default;
    virtual void on_up(bool resumed) = 0;
    virtual void on_resume(msg_link::resume_list& into) = 0;
    virtual void on_subscribed(const msg_link::stream_answer& answer) = 0;
    virtual void on_filter_done(const msg_link::stream_answer& answer) = 0;
    virtual void on_stream_ended(const msg_link::stream_answer& answer) = 0;
    virtual void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) = 0;
    virtual void on_batch_done() = 0;

  protected:
    stream_handler() = default;
    stream_handler(const stream_handler&) = default;
    stream_handler& operator=(const stream_handler&) = default;
};

struct state_item {
    std::string key;
    std::string value;
};

class link_router final : private msg_link::link_handler {
  public:
    using settled_handler = std::function<void(msg_link::reason)>;
    using state_handler = std::function<void(msg_link::reason, std::vector<state_item>)>;

    link_router(asio::any_io_executor executor, msg_link::link_options options);
    ~link_router() override;

    void start() { link_.start(); }
    /// Nothing is called back afterwards.
    asio::awaitable<void> stop(std::chrono::milliseconds patience);
    bool up() const noexcept { return link_.up(); }
    const std::string& last_error() const noexcept { return link_.last_error(); }
    msg_link::link_client& client() noexcept { return link_; }
    /// What the link calls; tests speak to it as messaging would.
    msg_link::link_handler& handler() noexcept { return *this; }

    /// A number of its own for each stream; numbers are never used again.
    std::uint32_t add(stream_handler& of);
    /// Another number for a stream whose old one was lost.
    std::uint32_t renumber(std::uint32_t old);
    void remove(std::uint32_t stream);
    std::uint32_t next_request() noexcept { return ++last_request_; }

    /// To the tenant's topic in namespace `mqtt`; `then` is told when it is settled, also across reconnects.
    void publish(const std::string& tenant, std::string_view topic, const record::fields& message,
                 settled_handler then);
    /// Keyed state in namespace `mapper`. No value: delete. Asked again after a reconnect until there is an answer.
    void put_state(const std::string& tenant, std::string key, std::optional<std::string> value, settled_handler then);
    /// `prefix`: all keys that begin with `key`; `too_large` comes with as many as fitted.
    void get_state(const std::string& tenant, std::string key, bool prefix, state_handler then);
    void tick() { link_.close_idle_topics(std::chrono::hours(1)); }

  private:
    struct unsettled {
        std::uint64_t sequence;
        settled_handler then;
    };
    struct question {
        bool put = false;
        bool flag = false; ///< put: present; get: prefix
        std::string tenant;
        std::string key;
        std::string value;
        settled_handler put_done;
        state_handler got;
    };
    void ask(std::uint32_t request, const question& what);

    void on_up(bool resumed) override;
    void on_down() override {}
    void on_resume(msg_link::resume_list& into) override;
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override;
    void on_claimed(const msg_link::claimed&) override {}
    void on_evicted(std::uint64_t, msg_link::reason) override {}
    void on_subscribed(const msg_link::stream_answer& answer) override;
    void on_filter_done(const msg_link::stream_answer& answer) override;
    void on_stream_ended(const msg_link::stream_answer& answer) override;
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) override;
    void on_state(const msg_link::state& answer) override;
    void on_batch_done() override;
    stream_handler* find(std::uint32_t stream) const;

    msg_link::link_client link_;
    std::unordered_map<std::uint32_t, stream_handler*> streams_;
    std::uint32_t last_stream_ = 0;
    std::uint32_t last_request_ = 0;
    std::deque<unsettled> unsettled_;
    std::unordered_map<std::uint32_t, question> questions_;
    bool stopped_ = false;
};

} // namespace mapper::uplink
