// One publishing client: packets are built once as a block and only patched before each write, so that a message costs
// the generator a few stores and its share of one system call.
#pragma once

#include "tests/bench/load/connection.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/wire.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace bench {

constexpr std::size_t buffer_bytes = 256 * 1024;

/// Read buffer shared by all connections of the process.
using scratch_buffer = std::vector<char>;

class publisher {
  public:
    struct settings {
        std::uint32_t run = 0;
        std::uint32_t number = 0;
        std::string topic;
        unsigned copies = 0; ///< Subscribers that get each message.
        std::uint64_t messages_max = std::numeric_limits<std::uint64_t>::max();
    };
    enum class pump_state { idle, again, blocked, broken };

    publisher(const options& given, settings own, connection socket);

    /// Open loop: message i is intended at `start_ns + i * interval_ns`.
    void pace(std::uint64_t start_ns, double interval_ns) noexcept;
    /// Sends one block at most of what windows and rate allow. `blocked`: wait until the socket is writable.
    pump_state pump(std::uint64_t now_ns, histogram& lateness);
    /// Takes PUBACKs; false when the connection is over. Latencies go to `latency` while `measuring`.
    bool receive(scratch_buffer& scratch, bool measuring, histogram& latency);
    void note_delivery() noexcept { ++delivered_; }
    /// QoS 0 only: gives up on what is under way, so that lost messages do not hold the window for ever.
    bool write_off() noexcept;
    void stop() noexcept { own_.messages_max = sent_; }

    /// When the next message is intended; the largest value when not paced or nothing is left to send.
    std::uint64_t next_due_ns() const noexcept;
    bool settled() const noexcept { return pending_from_ == pending_to_ && (options_.qos == 0 || acked_ == sent_); }
    int descriptor() const noexcept { return socket_.descriptor(); }
    const std::string& topic() const noexcept { return own_.topic; }
    std::uint64_t sent() const noexcept { return sent_; }
    std::uint64_t acked() const noexcept { return acked_; }
    std::uint64_t delivered() const noexcept { return delivered_; }
    std::uint64_t unexpected() const noexcept { return unexpected_; }

  private:
    std::uint64_t room(std::uint64_t now_ns) const noexcept;
    void patch(char* at, std::uint64_t now_ns, histogram& lateness);
    pump_state flush();
    void take_puback(const packet& got, std::uint64_t now_ns, bool measuring, histogram& latency);
    std::uint64_t intended_ns(std::uint64_t sequence) const noexcept {
        return start_ns_ + static_cast<std::uint64_t>(interval_ns_ * static_cast<double>(sequence));
    }

    const options& options_;
    settings own_;
    connection socket_;
    publish_template form_;
    std::string block_;
    std::size_t block_packets_ = 1;
    std::size_t pending_from_ = 0;
    std::size_t pending_to_ = 0;
    std::vector<std::uint64_t> sent_at_; ///< By packet identifier - 1; 0: identifier is free.
    std::size_t next_slot_ = 0;
    std::string partial_;
    std::uint64_t start_ns_ = 0;
    double interval_ns_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t written_off_ = 0;
    std::uint64_t unexpected_ = 0;
};

/// Reads once into `scratch` behind `partial`, calls on_packet for what is complete, keeps the rest in `partial`.
/// False when the connection is over or the bytes are no MQTT.
template <class OnPacket>
bool receive_packets(connection& socket, std::string& partial, scratch_buffer& scratch, OnPacket&& on_packet) {
    do {
        if (scratch.size() < partial.size() + buffer_bytes) scratch.resize(partial.size() + buffer_bytes);
        partial.copy(scratch.data(), partial.size());
        const auto got = socket.read_some(scratch.data() + partial.size(), scratch.size() - partial.size());
        if (got.state != io_state::done) return got.state == io_state::would_block;
        const auto size = partial.size() + got.bytes;
        bool malformed = false;
        const auto used = scan_packets(scratch.data(), size, malformed, on_packet);
        partial.assign(scratch.data() + used, size - used);
        if (malformed) return false;
    } while (socket.has_buffered());
    return true;
}

} // namespace bench
