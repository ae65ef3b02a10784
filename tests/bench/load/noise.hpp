// The clients of a bad neighbour: a connection that is dialled again whenever it was lost, and one that publishes
// without regard for anybody.
#pragma once

#include "tests/bench/load/connection.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/wire.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// A connection that comes back a second after it was lost or refused.
class line {
  public:
    line(dialler& dial, dial_request request);

    /// Dials when it is time to; true while connected.
    bool ready(std::uint64_t now_ns);
    void lost(std::uint64_t now_ns);
    /// The peer is gone, as far as can be seen without reading.
    bool hung_up() const noexcept;
    /// Takes what is there and forgets it; false when the connection is over.
    bool discard(std::vector<char>& scratch);

    connection& socket() noexcept { return socket_; }
    std::uint64_t dials() const noexcept { return dials_; }
    std::uint64_t losses() const noexcept { return losses_; }
    std::uint64_t refusals() const noexcept { return refusals_; }
    std::uint64_t received_bytes() const noexcept { return received_; }
    const std::string& last_problem() const noexcept { return problem_; }

  private:
    dialler& dial_;
    dial_request request_;
    connection socket_;
    std::uint64_t dial_at_ns_ = 0;
    std::uint64_t dials_ = 0;
    std::uint64_t losses_ = 0;
    std::uint64_t refusals_ = 0;
    std::uint64_t received_ = 0;
    std::string problem_;
};

/// Publishes as fast as the socket takes it, or at a rate; has no window and throws PUBACKs away.
class noise {
  public:
    /// `rate` in messages/s, 0: no bound.
    noise(dialler& dial, const options& given, std::string client_id, const std::string& topic, unsigned qos,
          double rate);

    /// Writes a block at most. True when the socket would take more and more is due.
    bool turn(std::uint64_t now_ns, std::vector<char>& scratch);
    bool blocked() const noexcept { return pending_from_ < pending_to_; }
    line& own_line() noexcept { return line_; }
    std::uint64_t messages() const noexcept { return messages_; }

  private:
    std::size_t due(std::uint64_t now_ns) const noexcept;
    void patch(std::size_t count) noexcept;

    line line_;
    publish_template form_;
    std::string block_;
    std::size_t block_packets_;
    double rate_;
    std::uint64_t paced_from_ns_ = 0;
    std::uint64_t paced_ = 0;
    std::uint64_t messages_ = 0;
    std::uint16_t identifier_ = 0;
    std::size_t pending_from_ = 0;
    std::size_t pending_to_ = 0;
};

} // namespace bench
