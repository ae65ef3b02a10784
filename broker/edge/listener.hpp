// Accepts on 2883 (plain) and 9883 (TLS), owns the connections, and looks after them once a second.
#pragma once

#include "broker/edge/connection.hpp"
#include "common/async/task_group.hpp"
#include "common/net/acceptor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <unordered_set>
#include <vector>

namespace broker::edge {

class listener {
  public:
    listener(asio::any_io_executor executor, shared_parts& with);
    ~listener();

    /// Listens; the error is that of the address or port.
    core::result<std::uint16_t> open(net::acceptor_options options);
    void start();
    /// Stops accepting, says goodbye to every client, waits until they are gone (at most `patience`).
    asio::awaitable<void> stop(std::chrono::milliseconds patience);
    /// Trust was withdrawn from somebody: closes the connections that rested on it.
    void recheck(const auth::trust_source& trust);
    std::size_t connections() const noexcept { return connections_.size(); }
    std::size_t clients() const noexcept;

  private:
    struct door {
        std::unique_ptr<net::acceptor> at;
        bool tls = false;
    };

    asio::awaitable<void> accept_loop(door* one);
    asio::awaitable<void> serve(std::shared_ptr<connection> one, bool tls);
    asio::awaitable<void> watch();

    asio::any_io_executor executor_;
    shared_parts& with_;
    async::task_group tasks_;
    async::task_group served_;
    asio::steady_timer ticker_;
    std::vector<std::unique_ptr<door>> doors_;
    std::unordered_set<std::shared_ptr<connection>> connections_;
};

} // namespace broker::edge
