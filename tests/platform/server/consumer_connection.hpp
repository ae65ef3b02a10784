// One notification consumer on its WebSocket (ref C.6 to C.9): frames of the hub out, acknowledgements in. Owned by the
// coroutine that serves the connection; known to the server so that a reset can release it.
#pragma once

#include "common/async/event.hpp"
#include "common/net/websocket.hpp"
#include "tests/platform/model/notification_hub.hpp"

#include <deque>
#include <memory>
#include <set>
#include <string>

namespace platform_sim::server {

class consumer_connection final : public model::consumer_sink {
  public:
    using registry = std::set<consumer_connection*>;

    /// `hub` and `all` outlive it, or `release` is called first.
    consumer_connection(std::unique_ptr<net::websocket> socket, model::notification_hub& hub,
                        model::notification_hub::attachment as, registry& all);
    ~consumer_connection() override;

    /// Until the peer, the subscriber's removal or a cancellation ends it; detached afterwards.
    net::asio::awaitable<void> run();
    /// Detaches from the hub at once and closes the connection.
    void release();

    void deliver(std::string frame) override;
    void end() override;

  private:
    net::asio::awaitable<void> write_all();
    net::asio::awaitable<void> read_all();
    void take(const std::string& text);

    std::unique_ptr<net::websocket> socket_;
    model::notification_hub* hub_;
    model::notification_hub::attachment as_;
    registry& all_;
    async::event changed_;
    std::deque<std::string> outbox_; ///< bounded by the hub: unacknowledged messages of one consumer
    std::uint64_t number_ = 0;       ///< 0: not attached
    bool ended_ = false;
    bool read_failed_ = false;
};

} // namespace platform_sim::server
