// Encoded packets on their way to one socket: appended by the session, written in one go, kept when the socket is full.
// Memory goes back when a big burst is through.
#pragma once

#include "common/net/transport.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace broker::edge {

/// By the packet type of the fixed header.
using packet_counts = std::array<std::uint64_t, 16>;

class outbox {
  public:
    std::string& bytes() noexcept { return bytes_; }
    bool empty() const noexcept { return written_ == bytes_.size(); }
    std::size_t waiting() const noexcept { return bytes_.size() - written_; }

    /// Counts the packets appended since the last call; they must be whole.
    void count(packet_counts& into) noexcept;

    enum class outcome { done, blocked, failed };
    /// Writes until all is out or the socket is full. After `blocked` wait until it is writable, then call again.
    outcome write_to(net::transport& to, std::uint64_t& bytes_out);

  private:
    void drop_written();

    std::string bytes_;
    std::size_t written_ = 0;
    std::size_t counted_ = 0;
};

} // namespace broker::edge
