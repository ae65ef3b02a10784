// A network in memory for links: connections as pairs of net::websocket, whose messages lie on the way until the
// simulation lets them arrive, one direction at a time, and which it cuts whenever it likes: then what is on the way is
// lost, so that of a row of messages a part arrives. One thread.
#pragma once

#include "common/net/websocket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace property {

namespace asio = boost::asio;

class memory_network {
  public:
    /// Serves the other end of a new connection.
    using acceptor = std::function<void(std::unique_ptr<net::websocket>)>;

    memory_network(asio::any_io_executor executor, acceptor accept)
        : executor_(std::move(executor)), accept_(std::move(accept)) {}

    /// For `link_options::connect`. Fails while the network is down.
    asio::awaitable<core::result<std::unique_ptr<net::websocket>>> connect();
    void set_down(bool down) noexcept { down_ = down; }
    /// Ends every connection; both ends learn of it.
    void cut();
    /// Some messages on the way arrive, each direction for itself; with null all of them.
    void deliver(std::mt19937_64* random);
    /// False while anything is on its way.
    bool empty() const;
    std::uint64_t connections() const noexcept { return made_; }

  private:
    struct wire;
    class end;
    asio::any_io_executor executor_;
    acceptor accept_;
    bool down_ = false;
    std::uint64_t made_ = 0;
    std::vector<std::weak_ptr<wire>> wires_;
};

} // namespace property
