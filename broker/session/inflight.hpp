// The two windows of a session. Both own no memory until used and grow by doubling, so an idle session stays small.
//   receipt_window   QoS 1 PUBLISHes of the client that wait for their PUBACK, in order
//   delivery_window  QoS 1 PUBLISHes to the client that wait for its PUBACK, with their packet identifiers
#pragma once

#include "broker/mqtt/reason_code.hpp"
#include "broker/session/cause.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace broker::session {

/// Keeps PUBACKs in the order of the PUBLISHes ([MQTT311-4.6.0-2], [MQTT5-4.6.0-2]): one that was refused on the spot
/// waits behind those that are still being stored.
class receipt_window {
  public:
    struct receipt {
        std::uint16_t packet_identifier = 0;
        mqtt::reason_code reason = mqtt::reason_code::success;
        bool answered = false;
        cause why = cause::none; ///< of a refusal that the code alone does not tell
    };

    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    /// True if a PUBLISH with this identifier is still unanswered. Linear; asked only for DUP.
    bool contains(std::uint16_t packet_identifier) const noexcept;
    void push(const receipt& item);
    /// The oldest receipt. Precondition: not empty.
    const receipt& front() const noexcept { return ring_[first_]; }
    void pop() noexcept;
    /// Takes back the newest one. Precondition: not empty.
    void pop_back() noexcept { --count_; }
    /// Settles the oldest receipt that is not answered yet, if it has this identifier.
    bool answer(std::uint16_t packet_identifier, mqtt::reason_code reason, cause why = cause::none) noexcept;
    /// Gives memory back when nothing is in it.
    void release_memory() noexcept;

  private:
    void grow();

    std::unique_ptr<receipt[]> ring_;
    std::uint32_t capacity_ = 0; // a power of two
    std::uint32_t first_ = 0;
    std::uint32_t count_ = 0;
};

/// Packet identifiers towards the client: never 0, never one in use ([MQTT311-2.3.1-4], [MQTT5-2.2.1-4]). A freed
/// identifier goes to the end of the free list, so it comes back as late as the window allows.
class delivery_window {
  public:
    struct delivered {
        std::uint64_t position = 0;
        std::uint32_t credit_bytes = 0;
    };

    void limit(std::uint16_t in_flight_max) noexcept { in_flight_max_ = in_flight_max; }
    std::size_t size() const noexcept { return count_; }
    bool full() const noexcept { return count_ >= in_flight_max_; }
    /// The identifier for a new message. Precondition: not full.
    std::uint16_t add(const delivered& item);
    /// Ends the message with this identifier; empty if there is none.
    std::optional<delivered> remove(std::uint16_t packet_identifier) noexcept;
    void release_memory() noexcept;

  private:
    struct slot {
        std::uint64_t position;
        std::uint32_t credit_bytes;
        std::uint16_t next_free; // packet identifier, 0 = none
        bool used;
    };
    void grow();

    std::vector<slot> slots_; // index = packet identifier - 1
    std::uint16_t first_free_ = 0;
    std::uint16_t last_free_ = 0;
    std::uint16_t count_ = 0;
    std::uint16_t in_flight_max_ = 64;
};

} // namespace broker::session
