// Encoded packets on their way to one socket: appended by the session, written in one go, kept when the socket is full.
// Memory goes back when a big burst is through.
#pragma once

#include "common/net/transport.hpp"

#include <string>

namespace broker::edge {

class outbox {
  public:
    std::string& bytes() noexcept { return bytes_; }
    bool empty() const noexcept { return written_ == bytes_.size(); }
    std::size_t waiting() const noexcept { return bytes_.size() - written_; }

    enum class outcome { done, blocked, failed };
    /// Writes until all is out or the socket is full. After `blocked` wait until it is writable, then call again.
    outcome write_to(net::transport& to, std::uint64_t& bytes_out);

  private:
    std::string bytes_;
    std::size_t written_ = 0;
};

} // namespace broker::edge
