// Records read from disk before it is their turn, kept as they were read: in the order of their positions, and nothing
// is copied. Owned by a subscription, used on the loop only.
#pragma once

#include "messaging/store/commit_log.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace messaging::topic {

class read_ahead {
  public:
    /// Replaces what is there. The entries are in the order of their positions; those with an error do not count.
    void take(std::shared_ptr<const store::fetched> read);
    /// The record at that position, valid until the next take, drop or clear; empty when it is not here. Costs nothing
    /// when they are asked for in order.
    core::byte_span find(std::uint64_t position) noexcept;
    /// It was used. Memory goes with the last one.
    void drop(std::uint64_t position) noexcept;
    void clear() noexcept;
    bool empty() const noexcept { return entries_.empty(); }

  private:
    struct entry {
        std::uint64_t position;
        core::byte_span record;
    };
    std::vector<entry> entries_;
    std::size_t next_ = 0; ///< where the next one is looked for first
    std::size_t dropped_ = 0;
    std::shared_ptr<const store::fetched> bytes_;
};

} // namespace messaging::topic
