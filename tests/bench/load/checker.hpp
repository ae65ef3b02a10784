// A publisher for kill tests: numbers its messages, sends each until it has seen its PUBACK, through any number of lost
// connections, and says which numbers were acknowledged. Sequences of a publisher are created in order, and after a
// lost connection everything unacknowledged is sent again in order with the same number.
#pragma once

#include "tests/bench/load/publisher.hpp"

#include <cstdio>
#include <deque>
#include <string>

namespace bench {

class checker_publisher {
  public:
    checker_publisher(const options& given, std::uint32_t run, std::uint32_t number, std::string topic, std::FILE* log);

    bool is_connected() const noexcept { return socket_.is_open(); }
    int descriptor() const noexcept { return socket_.descriptor(); }
    void adopt(connection socket);
    void drop();
    /// Creates up to `due` messages in all and writes what the socket takes.
    publisher::pump_state pump(std::uint64_t due);
    /// False when the connection is over.
    bool receive(scratch_buffer& scratch);

    std::uint64_t created() const noexcept { return created_; }
    std::uint64_t unacked() const noexcept { return created_ - acked_; }
    std::uint64_t acked() const noexcept { return acked_; }
    std::uint64_t resent() const noexcept { return resent_; }
    std::uint64_t unexpected() const noexcept { return unexpected_; }

  private:
    void append_packet(std::uint64_t sequence);
    void take_puback(const packet& got);
    void log_range();

    const options& options_;
    std::uint32_t run_;
    std::uint32_t number_;
    std::FILE* log_;
    connection socket_;
    publish_template form_;
    std::string partial_;
    std::string out_;
    std::size_t out_from_ = 0;
    std::deque<bool> acked_from_base_; ///< Of the sequences base_ .. created_ - 1.
    std::uint64_t base_ = 0;           ///< The first sequence not acknowledged.
    std::uint64_t cursor_ = 0;         ///< The next to be written on this connection.
    std::uint64_t written_ = 0;        ///< Highest sequence ever written, plus one.
    std::uint64_t created_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t resent_ = 0;
    std::uint64_t unexpected_ = 0;
    std::uint64_t range_first_ = 0;
    std::uint64_t range_end_ = 0; ///< Equal to range_first_: no range open.
};

} // namespace bench
