// A Notifications 2.0 consumer client (ref C.6 to C.9): connects with a token, hands notifications in, sends
// acknowledgements on the connection that brought them, and comes back by itself: with a new token after 401, patiently
// after 409 (the platform has not noticed that our former connection is gone). One thread; the handler outlives it;
// `stop` must have been awaited before it is destroyed.
#pragma once

#include "common/async/backoff.hpp"
#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/net/websocket.hpp"
#include "common/notification2/frame.hpp"

#include <deque>
#include <memory>
#include <string>

namespace notification2 {

namespace asio = boost::asio;

class consumer_handler {
  public:
    virtual ~consumer_handler() = default;
    /// A token for the next connection; empty: none to be had now, ask again later.
    virtual asio::awaitable<std::string> token() = 0;
    virtual void on_connected() = 0;
    /// Views live during the call. `connection` goes back with the acknowledgement.
    virtual void on_notification(const notification& what, std::uint64_t connection) = 0;

  protected:
    consumer_handler() = default;
    consumer_handler(const consumer_handler&) = default;
    consumer_handler& operator=(const consumer_handler&) = default;
};

struct consumer_options {
    std::string url;    ///< ws:// or wss://, scheme to port
    std::string client; ///< names this client among those of a shared subscriber; may be empty
    std::string ca_file;
    std::string name = "consumer"; ///< for the log
    std::size_t message_bytes_max = 4 * 1024 * 1024;
    std::chrono::milliseconds idle_timeout{120'000}; ///< pings at half of it; the platform closes after 5 minutes
    std::chrono::milliseconds reconnect_first{200};
    std::chrono::milliseconds reconnect_max{30'000};

    consumer_options() = default;
};

class consumer {
  public:
    consumer(asio::any_io_executor executor, consumer_options options, consumer_handler& handler);
    ~consumer();
    consumer(const consumer&) = delete;
    consumer& operator=(const consumer&) = delete;

    void start();
    asio::awaitable<void> stop();
    bool connected() const noexcept { return connected_; }
    /// Why not; empty while connected.
    const std::string& last_error() const noexcept { return last_error_; }
    std::uint64_t connections() const noexcept { return connection_; }

    /// Dropped when that connection is gone: what it brought comes again.
    void acknowledge(std::uint64_t connection, std::string ack_header);

  private:
    asio::awaitable<void> run();
    asio::awaitable<bool> connect();
    asio::awaitable<std::string> read_all();
    asio::awaitable<void> write_all(std::shared_ptr<net::websocket> over);
    void take(const std::string& frame);
    void failed(std::string why);

    asio::any_io_executor executor_;
    consumer_options options_;
    consumer_handler& handler_;
    async::task_group tasks_;
    async::event wake_;
    async::backoff backoff_;
    std::shared_ptr<net::websocket> socket_;
    std::deque<std::string> acknowledgements_; ///< bounded by the 1,000 unacknowledged that the platform allows
    std::string token_;
    std::string last_error_ = "not connected yet";
    std::uint64_t connection_ = 0;
    bool connected_ = false;
    bool stopping_ = false;
};

} // namespace notification2
